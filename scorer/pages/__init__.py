"""HTML pages for people: sections, tables and plots. Knows nothing of what they show."""
