import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.errors import RowsError, UsageError
from scorer.scoring.ledger import RowLedger
from scorer.scoring.reject_limit import DEFAULT_LIMIT, RejectLimit


@given(st.lists(st.integers(1, 100)))
def test_chunks_that_follow_each_other_are_proved(chunks):
    ledger = RowLedger()
    for rows in chunks:
        ledger.record(ledger.rows, read=rows, written=rows)
    total = sum(chunks)
    ledger.prove(read=total + 3, rejected=3, written=total)
    ledger.prove_file(total)


@given(st.lists(st.integers(1, 9), min_size=2), st.data())
def test_a_chunk_that_is_lost_doubled_or_swapped_is_found(chunks, data):
    starts = [sum(chunks[:i]) for i in range(len(chunks))]
    rows = list(zip(starts, chunks, strict=True))
    i = data.draw(st.integers(0, len(rows) - 2))
    wrong = {
        "lost": rows[:i] + rows[i + 1 :],
        "doubled": rows[: i + 1] + rows[i:],
        "swapped": [*rows[:i], rows[i + 1], rows[i], *rows[i + 2 :]],
    }
    ledger = RowLedger()
    with pytest.raises(RowsError, match="came where row"):
        for first_row, count in wrong[data.draw(st.sampled_from(sorted(wrong)))]:
            ledger.record(first_row, count, count)


def test_a_row_lost_in_writing_is_found():
    with pytest.raises(RowsError, match="of 5 rows from row 0 on, 4 were written"):
        RowLedger().record(0, read=5, written=4)


@pytest.mark.parametrize("counts", [(6, 0, 5), (5, 1, 5), (5, 0, 4), (4, 0, 4), (7, 1, 5)])
def test_counts_that_do_not_agree_are_not_published(counts):
    ledger = RowLedger()
    ledger.record(0, read=5, written=5)
    with pytest.raises(RowsError, match=r"not accounted for.*nothing is published"):
        ledger.prove(*counts)


@pytest.mark.parametrize("found", [4, 6])
def test_a_file_with_other_rows_than_were_written_is_found(found):
    ledger = RowLedger()
    ledger.record(0, read=5, written=5)
    with pytest.raises(RowsError, match=f"5 rows were written, {found} are in the file"):
        ledger.prove_file(found)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("0", RejectLimit(count=0)),
        ("100", RejectLimit(count=100)),
        ("0%", RejectLimit(share=0)),
        ("0.5%", RejectLimit(share=0.005)),
        ("1%", DEFAULT_LIMIT),
        ("100%", RejectLimit(share=1)),
    ],
)
def test_a_limit_is_a_count_or_a_share_and_says_so(text, limit):
    assert RejectLimit.parse(text) == limit
    assert str(limit) == text


@pytest.mark.parametrize("text", ["", "%", "x", "1.5", "-1", "-1%", "101%", "nan%", "inf%", "1 %%"])
def test_anything_else_is_a_usage_error(text):
    with pytest.raises(UsageError, match="--max-rejects"):
        RejectLimit.parse(text)


@pytest.mark.parametrize(
    ("limit", "rejected", "read", "fails"),
    [
        ("0", 0, 10, False),
        ("0", 1, 10, True),
        ("2", 2, 2, False),
        ("2", 3, 1000, True),
        ("10%", 1, 10, False),
        ("10%", 2, 19, True),
        ("0%", 0, 0, False),
        ("100%", 7, 7, False),
    ],
)
def test_more_rejects_than_the_limit_fail(limit, rejected, read, fails):
    limit = RejectLimit.parse(limit)
    if not fails:
        limit.check(rejected, read, "see x")
        return
    with pytest.raises(RowsError, match=f"{rejected} of .* rejected, more than {limit}: see x"):
        limit.check(rejected, read, "see x")
