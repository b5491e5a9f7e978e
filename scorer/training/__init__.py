"""The training flow: a corpus -> a bundle. Start at `learning`."""
