"""Looking at bundles and outputs between nights: evaluation, comparison, explanation, health."""
