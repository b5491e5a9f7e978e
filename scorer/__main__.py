"""`python -m scorer` is the `scorer` command."""

from scorer.cli.main import main

if __name__ == "__main__":
    main(prog_name="scorer")
