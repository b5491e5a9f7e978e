"""Encodings guessed from texts of many languages: spaCy's example sentences, and reviews."""

# ruff: noqa: RUF001 (letters of one script look like those of another)
import importlib
from pathlib import Path

import pytest

from scorer.tables.csv_reader import CsvReader
from scorer.tables.encoding_guess import guess_encodings

REVIEWS = {
    "en": ["It’s “great” value for £5", "I don’t like it — bad", "A 5 € café…", "We’ll see"],
    "hu": ["Gyönyörű film, őszintén tetszett.", "Rossz minőség.", "Két hét után jött."],
    "it": ["La qualità è ottima.", "Non mi è piaciuto, perché è caro.", "Così così, però giusto."],
    "pt": ["Ótimo produto, funciona muito bem.", "A refeição estava fria, não voltarei.", "Já vi."],
    "nl": ["Prima, ideeën genoeg", "Het is één groot feest", "Financiële hulp, geïnd"],
    "ja": ["とても良い映画でした。", "配送が遅くて、がっかりしました。", "また買いたいと思う。"],
    "zh": ["这部电影很好看。", "质量太差了，不推荐购买。", "等了两个星期才收到，非常失望。"],
    "zh-tw": ["這部電影很好看。", "品質太差了，不推薦購買。", "等了兩個星期才收到，非常失望。"],
    "ko": ["정말 좋은 영화였습니다.", "배송이 너무 느려서 실망했어요.", "품질이 나빠요."],
    "th": ["สินค้าดีมาก ส่งเร็ว", "ไม่ชอบเลย คุณภาพแย่", "ราคาถูกแต่ใช้งานได้ดี"],
}
ENCODINGS = {
    "cp1252": "en fr de es pt it sv fi da nb nl ca",
    "mac-roman": "en fr es it sv da",
    "iso-8859-15": "fr",
    "cp850": "fr de es",
    "cp1250": "pl cs sk hu ro hr sl",
    "iso-8859-2": "pl cs hu hr",
    "cp852": "pl cs",
    "cp1251": "ru uk bg sr",
    "koi8-r": "ru",
    "koi8-u": "uk",
    "cp866": "ru",
    "iso-8859-5": "ru",
    "cp1253": "el",
    "iso-8859-7": "el",
    "cp1254": "tr",
    "cp1255": "he",
    "cp1256": "ar",
    "cp1257": "lt",
    "cp874": "th",
    "cp932": "ja",
    "euc-jp": "ja",
    "gb18030": "zh",
    "big5": "zh-tw",
    "cp949": "ko",
}
PAIRS = [(language, name) for name, some in ENCODINGS.items() for language in some.split()]


def texts_in(language: str, encoding: str) -> list[bytes]:
    """Return texts of a language which are not ASCII, nor by chance UTF-8."""
    texts = REVIEWS.get(language)
    if texts is None:
        texts = importlib.import_module(f"spacy.lang.{language}.examples").sentences
    cedillas = str.maketrans("șțȘȚ", "şţŞŢ")  # cp1250 is older than the others
    encoded = [text.translate(cedillas).encode(encoding, "ignore") for text in texts]
    return [text for text in encoded if "\ufffd" in text.decode("utf-8", "replace")]


@pytest.mark.parametrize("rows", [20, 2000])
@pytest.mark.parametrize(("language", "encoding"), PAIRS)
def test_the_encoding_of_texts_is_guessed(language: str, encoding: str, rows: int) -> None:
    texts = texts_in(language, encoding)
    data = b"\n".join(b"%d,%s" % (row, texts[row % len(texts)]) for row in range(rows))
    read = [data.decode(name, "replace") for name in guess_encodings(data)]
    assert data.decode(encoding) in read


def test_where_two_encodings_may_be_meant_both_are_named() -> None:
    assert guess_encodings("1,slaba večerja\n2,počasi".encode("cp1250")) == ["cp1252", "cp1250"]


@pytest.mark.parametrize("data", [b"abc\0\1\xff", bytes(range(256))])
def test_bytes_that_make_no_sense_have_no_encoding(data: bytes) -> None:
    assert guess_encodings(data) == []


def test_where_other_rows_are_utf_8_no_encoding_is_said_to_fit(tmp_path: Path) -> None:
    rows = [f"{i},un café très bon".encode() for i in range(20)]
    path = tmp_path / "in.csv"
    path.write_bytes(b"\n".join([b"id,text", *rows, "20,un café".encode("cp1252"), b""]))
    with CsvReader(str(path)) as reader:
        list(reader.chunks(100))
    told = (
        "Other rows are, so no --encoding reads them all: convert these, perhaps cp1252 or cp1250,"
    )
    assert reader.reject_hint == f"{told} to UTF-8"
    assert reader.notes == [f"{path}: 1 rejected row is not utf-8. {reader.reject_hint}"]
