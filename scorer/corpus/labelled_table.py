"""The columns of interest of labelled files, read as one table: texts, labels and groups.

Rows that cannot be read are counted and left out, as the scoring job leaves them out. Knows tables
and columns, nothing of what labels mean.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from scorer.corpus.column_contents import (
    SAMPLE_ROWS,
    parts_named,
    plain_column,
    verdicts_named,
)
from scorer.corpus.fasttext_lines import have_labels, split_labels
from scorer.corpus.labelled_columns import (
    LABEL_NAMES,
    TO_LABEL,
    Columns,
    Positions,
    find_columns,
    has_usual_names,
    is_long,
    lacks_header,
)
from scorer.corpus.soft_labels import SoftLabels, join_soft_labels, read_soft_labels
from scorer.errors import InputError, prefix_errors
from scorer.files.urls import Location
from scorer.tables.csv_cells import as_text
from scorer.tables.csv_header import headers_below
from scorer.tables.csv_options import CsvOptions
from scorer.tables.doubts import about
from scorer.tables.formats import ReadOptions, open_table_as
from scorer.tables.table_streams import TableReader
from scorer.tables.text_column import JOIN, USUAL_NAMES, as_texts, is_numbered, is_text
from scorer.tables.text_doubts import doubt_text, note_other_texts
from scorer.wording import counted

HUGGING_FACE = b"huggingface"  # key of the schema's metadata
SAME_NAMES = "Its columns have to be called as those of the files before it"
READ_AS_ROW = (
    "the first row is a text with its label, and is read as a row, as --no-header says; --header "
    "says that it is the header"
)
HEAD_ROWS = 100  # that show whether the first of them are headers too
MAX_UNREADABLE = 0.05  # of a file's rows; beyond, it is not what it seems


@dataclass(frozen=True)
class LabelledTable:
    """One array a column, (rows,), nulls where the files have them.

    groups: null where the cell is blank too; None without a group column.
    """

    texts: pa.LargeStringArray
    labels: pa.LargeStringArray
    groups: pa.LargeStringArray | None
    text_column: str
    label_column: str | None  # None where probabilities are all there is
    unreadable: int = 0  # rows that do not fit the header; they are left out
    notes: tuple[str, ...] = ()  # about the files
    soft_labels: SoftLabels | None = None
    parts_column: str | None = None  # says which rows are for training, which for testing
    verdicts: tuple[str, ...] = ()  # a column that says whose labels were not accepted, and how
    class_names: Mapping[str, str] = field(default_factory=dict)  # of labels that are numbers
    headless: bool = False  # the files have no header, though no option says so


def read_labelled_table(
    paths: Sequence[Location],
    columns: Columns,
    options: ReadOptions | None = None,
    found: Columns | None = None,
) -> LabelledTable:
    """Read CSV or Parquet files; the columns found in the first must be in the others.

    `found` are columns found in earlier files. Where one was found, not named, and a later file has
    another one with a usual name for what it holds (as `scorer sample` writes `text` and `label`),
    that one is taken. Raises `InputError` or `UsageError`, naming the file.
    """
    tables: list[LabelledTable] = []
    found = found or columns
    for path in paths:
        table = _read_file(path, found, columns, options or ReadOptions())
        found = found if tables else _found(columns, table)
        tables.append(table)
    return join_tables(tables)


def _read_file(
    path: Location, columns: Columns, named: Columns, options: ReadOptions
) -> LabelledTable:
    """Read a file; `columns` are those of the first file, `named` those that a person names."""
    parts: list[LabelledTable] = []
    with open_table_as(str(path), options) as reader:
        for table in _tables(reader):
            if not parts:
                if _is_headless(reader, table, columns, named, options.csv):
                    return _read_headless(path, columns, named, options)
                columns = _columns_of(table.schema.names, columns, named)
            parts.append(_select_columns(table, columns, named, path))
            columns = _found(columns, parts[-1])
        check_rejected(reader)
        if reader.rows_read == 0:
            raise InputError(f"{reader.name} has no rows")
    read = join_tables(parts)
    if named.text is None and named.label is None and not options.csv.header:
        with prefix_errors(str(path)):
            _check_header(read)
    doubt = doubt_text(read.texts, read.text_column)
    doubts = [about(str(path), doubt)] if doubt else []
    notes = (*reader.notes, *read.notes, *doubts)
    return replace(read, unreadable=reader.rows_rejected, notes=notes)


def _tables(reader: TableReader) -> Iterator[pa.Table]:
    """Yield the chunks of a file; of lines that begin with their labels, as the first ones do.

    Further headers below the names, as survey tools write them, are left out.
    """
    split = None
    for chunk in reader.chunks(SAMPLE_ROWS):
        split = have_labels(chunk.table) if split is None else split
        below = _headers_below(chunk.table) if chunk.first_row == 0 else 0
        yield split_labels(chunk.table) if split else chunk.table.slice(below)


def _headers_below(table: pa.Table) -> int:
    if not all(map(pa.types.is_large_string, table.schema.types)):  # no CSV; others have one header
        return 0
    columns = (column.fill_null("").to_pylist() for column in table.slice(0, HEAD_ROWS).columns)
    return headers_below([table.schema.names, *zip(*columns, strict=True)])[0]


def _is_headless(
    reader: TableReader, sample: pa.Table, columns: Columns, named: Columns, options: CsvOptions
) -> bool:
    """Return whether a CSV plainly has no header, or none as the files before it have none.

    Where columns are known by names, or were named, they have to be numbered ones.
    """
    names = set(sample.schema.names)
    held = (*(columns.text or "").split(JOIN), columns.label, columns.group)
    known = {name for name in held if name}
    if reader.kind != "csv" or options.header or options.no_header or known & names:
        return False
    if not all(map(is_numbered, known)):
        return False
    is_found = columns.text is not None and named.text is None
    return lacks_header(sample) or (is_found and not has_usual_names(names))


def _read_headless(
    path: Location, columns: Columns, named: Columns, options: ReadOptions
) -> LabelledTable:
    without = replace(options, csv=replace(options.csv, no_header=True))
    with prefix_errors("read without a header, which its first row is not"):
        table = _read_file(path, columns, named, without)
    return replace(table, headless=True, notes=(f"{path}: {READ_AS_ROW}", *table.notes))


def _check_header(table: LabelledTable) -> None:
    """Refuse columns that are named as a text and its label: the first row is no header."""
    label, text = table.label_column, table.text_column
    if label is None or not is_long(text):
        return
    if pc.is_in(pa.scalar(label, pa.large_string()), table.labels.unique()).as_py():
        raise InputError(
            f"the first row, taken as the header, is a text with its label {label!r}",
            "--no-header reads it as a row, --header says that it is the header",
        )


def _columns_of(names: Sequence[str], columns: Columns, named: Columns) -> Columns:
    """Return the columns of a file in which those that were found elsewhere may be called else.

    Of rows that were sampled to be labelled, the label is the one that was filled in, not the blank
    or older one of the file that they are from.
    """
    text, label = columns.text, columns.label
    if columns != named and tuple(names[: len(TO_LABEL)]) == TO_LABEL:
        return replace(columns, text=TO_LABEL[0], label=TO_LABEL[1])
    if named.text is None and text is not None and not {text, *text.split(JOIN)} & set(names):
        text = _only_one(names, USUAL_NAMES) or text
    if named.label is None and label is not None and label not in names:
        label = _only_one(names, LABEL_NAMES) or label
    return replace(columns, text=text, label=label)


def _only_one(names: Sequence[str], usual: Collection[str]) -> str | None:
    found = [name for name in names if name.strip().casefold() in usual]
    return found[0] if len(found) == 1 else None


def check_rejected(reader: TableReader) -> None:
    """Raise `InputError` if so many rows were rejected that the file is not what it seems."""
    rows, rejected = reader.rows_read, reader.rows_rejected
    if rejected > MAX_UNREADABLE * rows:
        problem = f"{rejected:,} of {counted(rows, 'row')} cannot be read as the header says"
        raise InputError(f"{reader.name}: {problem}", reader.reject_hint)


def _select_columns(
    chunk: pa.Table, columns: Columns, named: Columns, path: Location
) -> LabelledTable:
    with prefix_errors(str(path)):
        positions = _find_columns(chunk, columns, named)
        soft_labels = read_soft_labels(chunk, positions.probabilities)
    label, labels = _labels(chunk, positions, soft_labels)
    unused = _unused(chunk, positions)
    return LabelledTable(
        positions.text.texts(chunk),
        labels,
        None if positions.group is None else _as_groups(chunk.column(positions.group)),
        positions.text.name,
        label,
        soft_labels=soft_labels,
        parts_column=next((name for name, c in unused if parts_named(c)), None),
        verdicts=next(((n, *said) for n, c in unused if (said := verdicts_named(c))), ()),
        class_names=_class_names(chunk.schema, label) if label is not None else {},
        notes=() if columns.text is not None else _other_texts(chunk, positions, path),
    )


def _find_columns(chunk: pa.Table, columns: Columns, named: Columns) -> Positions:
    """Return where the columns are; no option names one that an earlier file has otherwise."""
    try:
        return find_columns(chunk, columns)
    except InputError as error:
        if columns == named or columns.label is None:
            raise
        raise InputError(error.args[0], SAME_NAMES) from error


def _other_texts(chunk: pa.Table, positions: Positions, path: Location) -> tuple[str, ...]:
    """Return a note on other columns that look like text, where that was not named."""
    used = [at for at in (positions.label, positions.group) if at is not None]
    known = replace(positions.text, positions=(*positions.text.positions, *used))
    note = note_other_texts(chunk, known)
    return (about(str(path), note),) if note else ()


def _class_names(schema: pa.Schema, label: str) -> dict[str, str]:
    """Return the names of the classes 0, 1, … that Hugging Face's datasets write into Parquet."""
    try:
        features = json.loads((schema.metadata or {})[HUGGING_FACE])["info"]["features"]
        return {str(at): str(name) for at, name in enumerate(features[label]["names"])}
    except (KeyError, TypeError, ValueError):
        return {}


def _unused(chunk: pa.Table, positions: Positions) -> list[tuple[str, pa.ChunkedArray]]:
    """Return the names and cells of the columns that hold neither texts, labels nor groups."""
    used = {*positions.text.positions, positions.label, positions.group}
    columns = enumerate(zip(chunk.schema.names, chunk.columns, strict=True))
    return [column for at, column in columns if at not in used]


def _labels(
    chunk: pa.Table, positions: Positions, soft_labels: SoftLabels | None
) -> tuple[str | None, pa.LargeStringArray]:
    """Return the label column's name and values; the most likely classes where there is none."""
    if positions.label is not None:
        name = chunk.schema.names[positions.label]
        return name, _as_values(chunk.column(positions.label), name, "--label-column")
    assert soft_labels is not None  # else there is a label column
    return None, soft_labels.labels()


def _found(columns: Columns, table: LabelledTable) -> Columns:
    return replace(columns, text=table.text_column, label=table.label_column)


def _as_groups(column: pa.ChunkedArray) -> pa.LargeStringArray:
    values = _as_values(column, "of groups", "--group-column")
    blank = pc.equal(pc.utf8_trim_whitespace(values), "")
    return pc.if_else(blank, pa.scalar(None, pa.large_string()), values)


def _as_values(column: pa.ChunkedArray, name: str, option: str) -> pa.LargeStringArray:
    """Return a column of any plain type as strings."""
    column = plain_column(column)
    if is_text(column.type):
        return as_texts(column, name)
    if pa.types.is_nested(column.type):
        raise InputError(
            f"column {name!r} is {column.type}, not plain values", f"{option} names one"
        )
    try:
        return as_text(column).combine_chunks()
    except (pa.ArrowException, ValueError) as error:
        raise InputError(
            f"column {name!r} is {column.type}: {error}", f"{option} names one"
        ) from error


def join_tables(tables: Sequence[LabelledTable]) -> LabelledTable:
    """Return the rows of all tables, one after the other; a table without groups has null ones."""
    groups = [
        pa.nulls(len(table.texts), pa.large_string()) if table.groups is None else table.groups
        for table in tables
    ]
    grouped = any(table.groups is not None for table in tables)
    return LabelledTable(
        pa.concat_arrays([table.texts for table in tables]),
        pa.concat_arrays([table.labels for table in tables]),
        pa.concat_arrays(groups) if grouped else None,
        tables[0].text_column,
        tables[0].label_column,
        sum(table.unreadable for table in tables),
        tuple(note for table in tables for note in table.notes),
        join_soft_labels(
            [table.soft_labels for table in tables], [len(table.texts) for table in tables]
        ),
        next((table.parts_column for table in tables if table.parts_column), None),
        next((table.verdicts for table in tables if table.verdicts), ()),
        tables[0].class_names,
        any(table.headless for table in tables),
    )
