"""The `scorer` command, with every other command under it; `python -m scorer` is the same."""

import click

from scorer import __version__
from scorer.cli import score, train
from scorer.cli.arguments import Group
from scorer.cli.bundles import bundles
from scorer.cli.doctor import doctor
from scorer.cli.evaluate import compare, evaluate
from scorer.cli.explain import explain
from scorer.cli.predict import predict
from scorer.cli.provenance import provenance
from scorer.cli.sample import sample
from scorer.cli.vocabulary import vocabulary

EPILOG = """
Shell completion: eval "$(_SCORER_COMPLETE=bash_source scorer)"; also zsh_source, fish_source.
"""


@click.group(cls=Group, epilog=EPILOG)
@click.version_option(__version__, message="%(version)s")
def main() -> None:
    """Score text columns, train bundles, and look at both."""


main.add_command(score.main, "score")
main.add_command(train.main, "train")
COMMANDS = (predict, explain, evaluate, compare, sample, bundles, vocabulary, provenance, doctor)
for command in COMMANDS:
    main.add_command(command)
