import pytest

from scorer.errors import InputError, UsageError
from scorer.tables.csv_dialect import detect_dialect
from scorer.tables.csv_options import CsvOptions
from scorer.tables.csv_sample import CsvSample
from scorer.tables.table_streams import CsvDialect


def sample_of(text: str) -> CsvSample:
    return CsvSample(text.splitlines(keepends=True), complete=True)


def chosen(text: str, delimiter: str | None = None, quote: str | None = None) -> CsvDialect:
    return detect_dialect(sample_of(text), CsvOptions(delimiter, quote))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_told_from_the_first_lines(delimiter: str) -> None:
    text = "id,review,note\n1,good; bad,\n2,so | so,x\n"
    if delimiter != ",":
        text = text.replace(",", "\0").replace(delimiter, ",").replace("\0", delimiter)
    assert chosen(text) == CsvDialect(delimiter, '"')


def test_commas_in_prose_do_not_hide_a_semicolon() -> None:
    assert chosen("id;review\n1;well, good, fine\n2;bad, really\n").delimiter == ";"


def test_one_column_stays_one_column() -> None:
    assert chosen("review\ngood; really\nbad; so; so\n").delimiter == ","


def test_single_quotes_are_detected_only_where_the_header_has_them() -> None:
    assert chosen("'id','review'\n'1','well, good'\n") == CsvDialect(",", "'")
    assert chosen("id,review\n1,'good'\n").quote == '"'
    assert chosen("'id','review'\n'1',\"good\"\n").quote == '"'


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_another_quote_is_detected_where_header_and_rows_have_it(delimiter: str) -> None:
    text = '~id~,~review~\n~1~,~well, "good"~\n~2~,~a\nb~\n3,~bad~\n'.replace(",", delimiter)
    assert chosen(text) == CsvDialect(delimiter, "~")


@pytest.mark.parametrize(
    "text",
    [
        "*id*,*review*\n1,good\n2,bad\n",  # marked, not quoted
        "~id~,~review~\n~1~,~good~\n~2~,~bad~ed~\n",
        "|a|,|b|\n|1|,|2|\n",
        "review\ngood, sour\n",
        "\0id\0,\0review\0\n\01\0,\0good\0\n",
        "_id_,_review_\n_1_,_good_\n",
    ],
)
def test_what_stands_at_both_ends_of_a_header_may_be_no_quote(text: str) -> None:
    try:
        assert chosen(text).quote == '"'
    except InputError as error:
        assert "a delimiter is a single character" in str(error)


def test_what_is_given_is_not_detected() -> None:
    assert chosen("a;b\n1;2\n", delimiter=",") == CsvDialect(",", '"')
    assert chosen("a;b\n1;2\n", delimiter="tab", quote="none") == CsvDialect("\t", "")
    assert chosen("a;b\n1;2\n", quote="'") == CsvDialect(";", "'")


def test_nothing_at_all_is_commas() -> None:
    assert detect_dialect(sample_of(""), CsvOptions()) == CsvDialect()


@pytest.mark.parametrize("delimiter", ["", "ab", "\n", "\0"])
def test_an_impossible_delimiter_is_refused(delimiter: str) -> None:
    with pytest.raises(
        UsageError, match=r"--delimiter .* give one character, or one of: tab, comma"
    ):
        chosen("a\n", delimiter=delimiter)


def test_an_impossible_quote_is_refused() -> None:
    with pytest.raises(UsageError, match="--quote 'ab': give one character, or none"):
        chosen("a\n", quote="ab")


def test_a_quote_is_never_taken_for_the_delimiter():
    assert detect_dialect(sample_of("a;b\n1;2\n"), CsvOptions(quote=",")) == CsvDialect(";", ",")
    assert detect_dialect(sample_of("a\n1\n"), CsvOptions(quote=",")).delimiter != ","
