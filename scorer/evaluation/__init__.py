"""How good a model is, how sure one can be of it, and what a person should doubt."""
