"""The scoring job: `python score_job.py IN OUT` adds probability columns to a table."""

from scorer.cli.score import main

if __name__ == "__main__":
    main()
