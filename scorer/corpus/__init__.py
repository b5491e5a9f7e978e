"""Labelled tables -> training, validation and test rows that share no text."""
