import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorer.errors import UsageError
from scorer.tables.csv_encoding import Encoding, open_text


def decoded(data: bytes, wanted: str | None = None) -> tuple[str, str, int]:
    text, encoding, mark = open_text(io.BufferedReader(io.BytesIO(data)), wanted)
    return text.read(), encoding.name, mark


def test_a_byte_order_mark_is_no_text() -> None:
    assert decoded("é\n".encode("utf-8-sig")) == ("é\n", "utf-8", 3)
    assert decoded(b"\xff\xfe" + "é\n".encode("utf-16-le")) == ("é\n", "utf-16-le", 2)
    assert decoded(b"\xfe\xff" + "é\n".encode("utf-16-be")) == ("é\n", "utf-16-be", 2)
    assert decoded(b"\xff\xfe" + "é\n".encode("utf-16-le"), "utf-16") == ("é\n", "utf-16-le", 2)


def test_without_a_mark_the_encoding_is_the_one_named() -> None:
    assert decoded("é\n".encode("utf-16-le"), "UTF_16") == ("é\n", "utf-16-le", 0)
    assert decoded(b"caf\xe9", "latin-1") == ("café", "iso8859-1", 0)
    assert decoded(b"\xef\xbb\xbfa", "cp1252")[0] == "ï»¿a"


def test_line_endings_stay_as_they_are() -> None:
    assert decoded(b"a\r\nb\rc\n")[0] == "a\r\nb\rc\n"


@given(st.binary(), st.sampled_from(["utf-8", "cp1252", "latin-1"]))
def test_every_byte_is_accounted_for(data: bytes, name: str) -> None:
    text, name, mark = decoded(data, name)
    encoding = Encoding(name)
    size, sound = encoding.measure(text)
    assert size + mark == len(data)
    assert sound == (encoding.undecodable(text) is None)
    if not name.startswith("utf-16"):
        assert text.encode(name, "surrogateescape") == data[mark:]


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(["utf-16", "utf-32"]))
def test_wide_characters_are_measured(text: str, name: str) -> None:
    read, name, _ = decoded(text.encode(f"{name}-le"), f"{name}-le")
    if not text.startswith("\ufeff"):
        assert read == text
        assert Encoding(name).measure(text) == (len(text.encode(name)), True)


def test_the_first_undecodable_byte_is_told() -> None:
    text, _, _ = decoded(b"caf\xe9 \xff")
    assert Encoding().undecodable(text) == 0xE9
    assert Encoding().undecodable("café") is None


@pytest.mark.parametrize("name", ["klingon", "rot13", "utf-7", "idna", "a\0b", "undefined"])
def test_an_unknown_encoding_is_refused_with_some_that_are_known(name: str) -> None:
    with pytest.raises(UsageError, match=r"is not known\. Known are, for example: utf-8, utf-16"):
        decoded(b"", name)
