"""A column of texts -> token ids, exactly spaCy's. Knows no model."""
