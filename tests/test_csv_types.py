import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.errors import InputError
from scorer.tables.csv_cells import as_cells
from scorer.tables.csv_types import infer_schema, typed
from scorer.tables.table_streams import TEXT


def table(*cells: str) -> pa.Table:
    return pa.table({"a": pa.array(cells, TEXT)})


def inferred(*cells: str) -> pa.DataType:
    return infer_schema(table(*cells)).field(0).type


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-20", "0"], pa.int64()),
        (["1", "", "3"], pa.int64()),
        (["1.5", "2", ""], pa.float64()),
        (["true", "false"], pa.bool_()),
        (["2026-11-24"], pa.date32()),
    ],
)
def test_a_column_whose_cells_read_back_the_same_is_typed(
    cells: list[str], kind: pa.DataType
) -> None:
    assert inferred(*cells) == kind


@pytest.mark.parametrize(
    "cell",
    [
        "007",
        "+1",
        "1.50",
        "1e5",
        " 1",
        "1 ",
        "NA",
        "True",
        "1,5",
        "99999999999999999999",
        "24.11.2026",
    ],
)
def test_a_cell_that_would_change_keeps_its_column_text(cell: str) -> None:
    assert inferred("1", cell) == TEXT
    assert inferred(cell) == TEXT


def test_a_blank_column_stays_text() -> None:
    assert inferred("", "") == TEXT


@given(
    st.lists(
        st.one_of(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
            st.integers().map(str),
            st.floats().map(repr),
            st.sampled_from(["", "true", "nan", "-0", "0x1", "2026-02-30", "1970-01-01"]),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_no_cell_ever_changes(cells: list[str]) -> None:
    texts = table(*cells)
    result = typed(texts, infer_schema(texts), 0)
    assert as_cells(result.column(0), "a").to_pylist() == cells


def test_a_later_cell_that_does_not_fit_is_an_error_that_names_it() -> None:
    schema = infer_schema(table("1", "2"))
    with pytest.raises(
        InputError, match=r"row 102, column 'a': '007' is not int64 .*--infer-types"
    ):
        typed(table("1", "007"), schema, 100)
