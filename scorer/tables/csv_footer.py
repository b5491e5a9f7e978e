r"""Lines that programs write below a table: no rows of it.

    (300 rows)                    psql; sqlcmd has `(300 rows affected)`
    300 rows selected.            SQL*Plus; mysql has `300 rows in set (0.01 sec)`
    300 record(s) selected.       Db2
    \.                            the end of psql's COPY

A number of rows has to be the right one: else it may be a text, or the file lacks rows. None of
them has quotes, as a text may have. Knows one line, nothing of files.
"""

import re

END_OF_COPY = r"\."
NUMBER_OF_ROWS = re.compile(
    r"\(?([\d,.]*\d) (?:rows?|record\(s\)|Zeilen?|filas?|lignes?|linhas?|righe|строк[аи]?|行)"
    r"(?:\)| affected\)?| selected\.?| in set.*)"
)


def is_footer(line: str, rows: int) -> bool:
    """Return whether a table's last line, of one field, is no row; rows: those above it."""
    found = NUMBER_OF_ROWS.fullmatch(line.strip())
    if found is None:
        return line == END_OF_COPY
    return int(re.sub(r"\D", "", found[1])) == rows
