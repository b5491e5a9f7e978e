"""Looking at bundles and outputs between nights: evaluation, comparison, labelling, health."""
