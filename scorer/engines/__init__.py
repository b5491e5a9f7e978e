"""Who computes the scores of a run: this process, several of this machine, or Ray actors."""
