"""Token ids -> class probabilities: the model, its batches, and the ways to run it."""
