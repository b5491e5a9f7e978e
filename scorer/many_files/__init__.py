"""Many files in one run, each scored as a file alone is; what is up to date is left alone."""
