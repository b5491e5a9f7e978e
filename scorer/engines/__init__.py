"""Ways to run the scoring of files beside one another. Each calls `scoring` for a file."""
