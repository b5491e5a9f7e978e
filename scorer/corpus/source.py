"""Labelled files that are read alike, and what was told of how.

Knows columns and options by name; nothing is opened here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scorer.corpus.labelled_columns import Columns
from scorer.files.urls import Location
from scorer.tables.csv_options import CsvOptions
from scorer.tables.formats import ReadOptions


@dataclass(frozen=True)
class Source:
    """Labelled files, the columns that are named of them, and how they are read.

    found: columns that were found in them before, where none is named.
    """

    paths: Sequence[Location]
    columns: Columns = field(default_factory=Columns)
    options: ReadOptions = field(default_factory=ReadOptions)
    found: Columns | None = None

    def told(self) -> dict[str, Any]:
        """Return what was said of how they are read, by the command line's names."""
        columns = self.columns
        named = {
            "text_column": columns.text,
            "label_column": columns.label,
            "group_column": columns.group,
            "labels": columns.labels,
        }
        given = {name: value for name, value in named.items() if value is not None}
        return {**given, **self.options.given()}


def source_of(paths: Sequence[Location], told: Mapping[str, Any]) -> Source:
    """Return the files of which that was said, see `Source.told`."""
    csv = {name: told[name] for name in CsvOptions.__annotations__ if name in told}
    columns = Columns(
        told.get("text_column"),
        told.get("label_column"),
        told.get("group_column"),
        told.get("labels"),
    )
    return Source(paths, columns, ReadOptions(told.get("input_format"), CsvOptions(**csv)))
