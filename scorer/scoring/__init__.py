"""The scoring flow: a table -> the same table with probabilities. Start at `scoring`."""
