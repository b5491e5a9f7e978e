"""Lines as fastText reads them, `__label__2 The soup was cold`, as columns of labels and texts.

Knows lines, nothing of files or of what labels mean.
"""

import pyarrow as pa
import pyarrow.compute as pc

from scorer.tables.csv_lines import FASTTEXT_LABEL
from scorer.tables.text_column import is_text

MOST_UNLABELLED = 0.05  # of the lines, as blank ones
LINE = rf"^\s*(?P<label>(?:{FASTTEXT_LABEL}\S+\s+)+)(?P<text>.*)$"


def split_labels(lines: pa.Table) -> pa.Table:
    """Return the columns `label` and `text` of a table that holds such lines; any other as it is.

    Several labels of a line have `;` between them; a line without any is null in both.
    """
    if lines.num_columns != 1 or not is_text(lines.schema.types[0]) or not lines.num_rows:
        return lines
    parts = pc.extract_regex(lines.column(0).combine_chunks(), LINE)
    if parts.null_count > MOST_UNLABELLED * len(parts):
        return lines
    label, text = (pc.struct_field(parts, name) for name in ("label", "text"))
    listed = pc.replace_substring_regex(label, rf"\s*{FASTTEXT_LABEL}", ";")
    return pa.table({"label": pc.utf8_trim(pc.utf8_trim_whitespace(listed), ";"), "text": text})
