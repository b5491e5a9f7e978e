"""Batch scoring of text columns: the public API of the two jobs."""
