"""What a training is asked to do: on which rows, how, and into which store.

Knows paths, names and settings; nothing is opened here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scorer.corpus.labelled_columns import Columns
from scorer.corpus.source import Source
from scorer.files.urls import Location
from scorer.tables.formats import ReadOptions
from scorer.tables.text_column import JOIN
from scorer.training.auxiliary import AuxiliaryFiles
from scorer.training.gate import Promotion
from scorer.training.recipe import Recipe, TableSize, make_recipe
from scorer.wording import command_line


@dataclass(frozen=True)
class TrainingRequest:
    """What to train on and how; the names are those of the command line's options.

    `settings` are fields of `Recipe` and `TrainConfig`; None is the preset's.
    """

    labelled: Sequence[Location]
    store: Path
    preset: str = "accurate"
    valid: str = "0.12"
    test: str = "0.2"
    columns: Columns = field(default_factory=Columns)
    keep_duplicates: bool = False
    auxiliary: AuxiliaryFiles = field(default_factory=AuxiliaryFiles)
    seed: int = 0
    options: ReadOptions = field(default_factory=ReadOptions)
    settings: Mapping[str, Any] = field(default_factory=dict)
    promotion: Promotion = field(default_factory=Promotion)
    with_previous: bool = False  # the files of the bundle in use are trained on too
    earlier: Sequence[Source] = ()  # those of them that are read otherwise than `labelled`

    @property
    def source(self) -> Source:
        """The labelled files, and how they are read."""
        return Source(self.labelled, self.columns, self.options or ReadOptions())

    def recipe(self, size: TableSize | None = None) -> Recipe:
        """Return the recipe for a table of a size."""
        return make_recipe(self.preset, size, seed=self.seed, **self.settings)

    def command(self) -> str:
        """Return the command that trains so.

        Files of an earlier bundle are among `labelled`, unless some are read otherwise.
        """
        columns, auxiliary = self.columns, self.auxiliary
        options = {
            "store": self.store,
            "preset": self.preset,
            "seed": self.seed,
            "valid": self.valid,
            "test": self.test,
            "text_column": columns.text.split(JOIN) if columns.text else None,
            "label_column": columns.label,
            "group_column": columns.group,
            "labels": columns.labels,
            "keep_duplicates": self.keep_duplicates,
            "unlabelled": list(auxiliary.unlabelled),
            "start_from": auxiliary.start_from,
            "vectors": auxiliary.vectors,
            "teacher": list(auxiliary.teachers),
            **self.options.given(),
            **self.settings,
            "with_previous": bool(self.earlier),
            "promote": self.promotion.policy,
            "max_loss": self.promotion.max_loss,
            "min_accuracy": self.promotion.min_accuracy,
        }
        return command_line(["scorer", "train", *self.labelled], options)
