"""Lines as fastText reads them, `__label__2 The soup was cold`, as columns of labels and texts.

Knows lines, nothing of files or of what labels mean.
"""

import pyarrow as pa
import pyarrow.compute as pc

from scorer.tables.csv_lines import FASTTEXT_LABEL
from scorer.tables.text_column import as_texts, is_text

MOST_UNLABELLED = 0.05  # of the lines, as blank ones
LINE = rf"(?s)^\s*(?P<label>(?:{FASTTEXT_LABEL}\S+\s+)+)(?P<text>.*)$"


def have_labels(lines: pa.Table) -> bool:
    """Return whether a table has one column, of such lines."""
    if lines.num_columns != 1 or not is_text(lines.schema.types[0]) or not lines.num_rows:
        return False
    return bool(_parts(lines).null_count <= MOST_UNLABELLED * lines.num_rows)


def split_labels(lines: pa.Table) -> pa.Table:
    """Return the columns `label` and `text` of a table of such lines.

    Several labels of a line have `;` between them; a line without any is null in both.
    """
    parts = _parts(lines)
    label, text = (pc.struct_field(parts, name) for name in ("label", "text"))
    listed = pc.replace_substring_regex(label, rf"\s*{FASTTEXT_LABEL}", ";")
    return pa.table({"label": pc.utf8_trim(pc.utf8_trim_whitespace(listed), ";"), "text": text})


def _parts(lines: pa.Table) -> pa.StructArray:
    return pc.extract_regex(as_texts(lines.column(0), lines.schema.names[0]), LINE)
