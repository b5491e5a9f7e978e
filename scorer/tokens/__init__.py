"""A column of texts -> token ids, by spaCy's tokeniser. Knows no model."""
