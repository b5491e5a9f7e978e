"""The training job: `python train_job.py LABELLED.csv` writes a new version of the model bundle."""

from scorer.cli.train import main

if __name__ == "__main__":
    main()
