"""The training flow: labelled files -> a bundle in a store. Start at `training`."""
