"""Labels of several sources, each read as it was told, by the names of their classes.

    first.csv  --labels 1=positive,2=negative
    new.csv    --label-column stars --labels 5=positive,1=negative

A value may mean one class in one source and another in the next. What was told of a source holds
for those behind it of which nothing was. Knows tables and label values, nothing of files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from scorer.corpus.class_map import ClassMap, class_map_of, find_class_map
from scorer.corpus.label_array import label_array, renamed
from scorer.corpus.label_values import MISSING, UNDERSTOOD, label_key, show_values
from scorer.corpus.labelled_columns import Columns
from scorer.corpus.labelled_table import LabelledTable, join_tables, read_labelled_table
from scorer.corpus.source import Source
from scorer.errors import prefix_errors


@dataclass(frozen=True)
class ToldTable:
    """The rows of a source, or of several as one table, whose labels are classes where known.

    meaning: of several, label value -> class, as the sources that come last have it.
    labels: what `--labels` says of the only source.
    """

    table: LabelledTable
    meaning: Mapping[str, str] = field(default_factory=dict)
    labels: str | None = None

    def class_map(self, counts: Mapping[str, int]) -> ClassMap:
        """Return the classes of the labels, given how many rows have each."""
        if self.table.label_column is None and self.table.soft_labels is not None:
            return class_map_of(self.table.soft_labels.classes)
        classes = {label_key(name): name for name in self.meaning.values()}
        keys = set(map(label_key, counts)) - MISSING
        if keys and keys <= classes.keys():
            return class_map_of(classes[key] for key in keys)
        return find_class_map(counts, self.labels)

    def with_meaning(self, class_map: ClassMap) -> ClassMap:
        """Return the classes with the values that were told to be theirs."""
        return replace(class_map, label_values={**class_map.label_values, **self.meaning})


def read_told(sources: Sequence[Source]) -> ToldTable:
    """Read sources as one table; columns that are not named are those found in the first."""
    if len(sources) == 1:
        table = _read(sources[0], sources[0].found)
        return ToldTable(table, labels=sources[0].columns.labels)
    tables: list[LabelledTable] = []
    meaning: dict[str, str] = {}
    for source in sources:
        found = _found(tables[0], source.columns) if tables else None
        table = _read(source, source.found or found)
        with prefix_errors(", ".join(map(str, source.paths))):
            table, told = _by_class(table, source.columns.labels, meaning)
        tables.append(table)
        meaning |= told
    return ToldTable(join_tables(tables), meaning)


def _read(source: Source, found: Columns | None) -> LabelledTable:
    return read_labelled_table(source.paths, source.columns, source.options, found)


def _found(first: LabelledTable, named: Columns) -> Columns:
    text, label = named.text or first.text_column, named.label or first.label_column
    return replace(named, text=text, label=label)


def _by_class(
    table: LabelledTable, labels: str | None, before: Mapping[str, str]
) -> tuple[LabelledTable, Mapping[str, str]]:
    """Return a table with classes as labels, and what was told of its values: value -> class.

    Where nothing was (labels: None), what was told before holds, but for values that are understood
    and that nothing was told of.
    """
    array = label_array(table)
    counts, notes = array.counts, list(table.notes)
    told: Mapping[str, str] = {}
    left_out: dict[str, int] = {}
    if labels:
        class_map = find_class_map(counts, labels)
        told, left_out = class_map.label_values, class_map.unnamed_values(counts)
    if left_out:
        notes.append(f"left out, as --labels gives them no class: {show_values(left_out)}")
    classes = {label_key(value): name for value, name in (told or before).items()}
    keys = set(map(label_key, counts)) - MISSING
    if not told and keys <= UNDERSTOOD.keys() - classes.keys():
        classes = UNDERSTOOD
    names = {value: classes[label_key(value)] for value in counts if label_key(value) in classes}
    names |= dict.fromkeys(left_out, "")
    values = renamed(array.values, names)
    return replace(table, labels=values, class_names={}, notes=tuple(notes)), told
