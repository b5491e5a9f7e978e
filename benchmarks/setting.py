"""What all measurements share: the texts, the bundle, a folder to write to, and the job itself."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from ceilings import Ceilings, measure

from scorer.bundles.bundle import Bundle
from scorer.bundles.predictor import load_predictor
from scorer.engines.engine import model_of
from scorer.network.inference import Predictor
from scorer.scoring.request import Source, Target
from scorer.scoring.scoring import score_file
from scorer.tables.csv_options import CsvOptions
from scorer.tables.formats import format_of
from scorer.tokens.text import normalise

SAMPLED = 1000  # rows that spaCy is timed on


@dataclass(frozen=True)
class Setting:
    """frame: the data as read; rows: how many of them the job scores."""

    frame: pd.DataFrame
    text_column: str
    bundle: Bundle
    bundle_folder: Path
    folder: Path
    rows: int
    repeats: int

    @cached_property
    def texts(self) -> pa.LargeStringArray:
        """All texts of the data."""
        column = self.frame[self.text_column].astype(object)
        return pa.array(column, pa.large_string(), from_pandas=True)

    @cached_property
    def source(self) -> Path:
        """A CSV file of the rows that the job scores."""
        path = self.folder / "rows.csv"
        self.frame.head(self.rows).to_csv(path, index=False)
        return path

    @cached_property
    def ceilings(self) -> Ceilings:
        """The machine's limits, measured once a run."""
        sample = normalise(self.texts.slice(0, SAMPLED), self.bundle.rules).to_pylist()
        return measure(self.bundle.facts.model, sample, self.repeats)

    def predictor(self, precision: str) -> Predictor:
        """Return a new predictor of the bundle on the CPU."""
        return load_predictor(self.bundle, precision, "cpu")

    def job(self, source: Path, target: Path, predictor: Predictor) -> Callable[[], object]:
        """Return what runs the scoring job on a file, with the model loaded already."""
        model = model_of(self.bundle, predictor)
        asked = Source(str(source), format_of(str(source), None), CsvOptions(), self.text_column)
        wanted = Target(str(target), format_of(str(target), None), overwrite=True)
        return lambda: score_file(asked, wanted, lambda: model)

    def probabilities(self, target: Path) -> np.ndarray:
        """Return float32 (rows, classes) of a scored Parquet file."""
        table = pq.read_table(target)
        names = [f"probability_{name}" for name in self.bundle.classes]
        return np.stack([table.column(name).to_numpy() for name in names], axis=1)
