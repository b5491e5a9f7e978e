import hashlib
import os
import shutil

import pytest

from scorer.errors import InputError
from scorer.files.fingerprint import BLOCK_BYTES, check_readable, check_unchanged, fingerprint


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "in.csv"
    file.write_bytes(b"text\n" + b"x" * BLOCK_BYTES)
    return file


def test_it_is_size_and_sha256_of_the_content(path):
    known = fingerprint(path)
    assert known.size == BLOCK_BYTES + 5
    assert known.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_copy_has_the_same_one_and_one_byte_makes_another(path, tmp_path):
    copy = shutil.copy(path, tmp_path / "copy")
    assert fingerprint(copy) == fingerprint(path)
    copy.write_bytes(b"y" + path.read_bytes()[1:])
    assert fingerprint(copy) != fingerprint(path)


def test_between_blocks_it_can_be_interrupted(path):
    def check():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fingerprint(path, check)


def test_what_can_be_read_only_once_has_none(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    check_readable(tmp_path / "pipe")  # and does not wait for a writer
    assert fingerprint(tmp_path / "pipe") is None


@pytest.mark.parametrize("read", [check_readable, fingerprint])
def test_a_file_that_cannot_be_read_is_an_input_error(read, path, tmp_path):
    with pytest.raises(InputError, match=r"there is no file .*im\.csv; did you mean .*in\.csv\?"):
        read(tmp_path / "im.csv")
    with pytest.raises(InputError, match="it is a folder"):
        read(tmp_path)


def rewrite(path):
    path.write_bytes(path.read_bytes())  # the same content, but a reader may have seen less


def append(path):
    with path.open("ab") as file:
        file.write(b"\n")


def change_and_set_the_time_back(path):
    before = path.stat()
    path.write_bytes(b"T" + path.read_bytes()[1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path):
    copy = shutil.copy2(path, path.with_name("copy"))
    copy.replace(path)


@pytest.mark.parametrize(
    "change", [rewrite, append, change_and_set_the_time_back, replace, os.unlink]
)
def test_a_file_that_was_written_to_replaced_or_removed_has_changed(path, change):
    known = fingerprint(path)
    change(path)
    with pytest.raises(InputError, match="while it was read: nothing is published"):
        check_unchanged(path, known)


def chmod(path):
    path.chmod(0o600)


def link(path):
    os.link(path, path.with_name("backup"))


@pytest.mark.parametrize("change", [chmod, link, lambda path: path.read_bytes()])
def test_other_permissions_links_and_readers_are_no_change(path, change):
    known = fingerprint(path)
    change(path)
    check_unchanged(path, known)
