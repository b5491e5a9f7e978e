import bz2
import gzip
import io
import lzma
import os
import random
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pyarrow as pa
import pytest
import zstandard

from scorer.errors import InputError
from scorer.files import byte_streams
from scorer.files.byte_sink import ByteSink
from scorer.files.byte_streams import open_seekable, open_source

TEXT = b"one line, then another\n" * 50_000
COMPRESS = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def written(compression: str | None, data: bytes = TEXT) -> bytes:
    file = io.BytesIO()
    sink = ByteSink(file, compression)
    sink.write(data)
    sink.finish()
    return file.getvalue()


def read(path: Path, compression: str | None) -> bytes:
    with open_source(str(path), compression) as source:
        return source.read()


@pytest.mark.parametrize("compression", [None, *COMPRESS])
def test_what_is_written_is_read(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "file"
    path.write_bytes(written(compression))
    assert read(path, compression) == TEXT


@pytest.mark.parametrize("compression", COMPRESS)
def test_streams_one_after_the_other_are_read_as_one(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(COMPRESS[compression](b"a\n") + COMPRESS[compression](b"b\n"))
    assert read(path, compression) == b"a\nb\n"


@pytest.mark.parametrize("compression", COMPRESS)
def test_a_stream_that_is_cut_anywhere_is_an_error(tmp_path: Path, compression: str) -> None:
    path, data = tmp_path / "file", written(compression)
    for size in [*range(1, 40), len(data) // 2, *range(len(data) - 20, len(data))]:
        path.write_bytes(data[:size])
        with pytest.raises(InputError, match=r"cut short|damaged"):
            read(path, compression)


@pytest.mark.parametrize("compression", COMPRESS)
def test_a_flipped_byte_is_an_error_or_does_no_harm(tmp_path: Path, compression: str) -> None:
    path, data = tmp_path / "file", written(compression)
    errors = 0
    for position in range(0, len(data), max(1, len(data) // 60)):
        path.write_bytes(data[:position] + bytes([data[position] ^ 4]) + data[position + 1 :])
        try:
            assert read(path, compression) == TEXT
        except InputError:
            errors += 1
    assert errors > 10


def test_plain_text_is_not_taken_for_a_compressed_stream(tmp_path: Path) -> None:
    path = tmp_path / "in.csv.gz"
    path.write_bytes(b"id,review\n")
    with pytest.raises(
        InputError, match=r"in\.csv\.gz: it is not gzip, it is text\. --input-format csv"
    ):
        read(path, "gzip")


def test_the_same_bytes_are_compressed_to_the_same_bytes() -> None:
    assert written("gzip") == written("gzip")


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").touch()
    with pytest.raises(InputError, match=r"there is no file .*; did you mean .*reviews\.csv\?"):
        open_source(str(tmp_path / "review.csv"))
    with pytest.raises(InputError, match="there is no folder"):
        open_source(str(tmp_path / "nowhere" / "reviews.csv"))


def test_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it is a folder"):
        open_source(str(tmp_path))


def test_standard_input_is_spooled_where_it_must_be_sought_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(byte_streams.sys, "stdin", SimpleNamespace(buffer=io.BytesIO(TEXT)))
    with open_seekable("-") as file:
        file.seek(-8, io.SEEK_END)
        assert file.read() == b"another\n"


def test_a_pipe_is_opened_once(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = Thread(target=path.write_bytes, args=(TEXT,))
    writer.start()
    with open_seekable(str(path)) as file:
        assert file.read() == TEXT
    writer.join()


@pytest.mark.parametrize("compression", [None, *COMPRESS])
def test_a_full_disk_is_an_error_and_leaves_nothing_hanging(compression: str | None) -> None:
    sink = ByteSink("/dev/full", compression)
    with pytest.raises(InputError, match="cannot write /dev/full: no space left on device"):
        for _ in range(100):
            sink.write(pa.py_buffer(TEXT))
        sink.finish()
    sink.abandon()


def test_a_file_that_was_given_is_left_open() -> None:
    file = io.BytesIO()
    sink = ByteSink(file, "gzip")
    sink.write(b"a")
    sink.finish()
    assert not file.closed


@pytest.mark.parametrize("compression", COMPRESS)
def test_an_abandoned_file_is_not_a_complete_one(tmp_path: Path, compression: str) -> None:
    sink = ByteSink(tmp_path / "out", compression)
    sink.write(random.Random(0).randbytes(1 << 20))
    sink.abandon()
    assert (tmp_path / "out").stat().st_size > 0
    with pytest.raises(InputError, match="cut short"):
        read(tmp_path / "out", compression)
