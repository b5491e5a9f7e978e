"""URLs without their secrets: shown, named, and opened as they were given."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scorer import score_file
from scorer.errors import InputError, UsageError
from scorer.files import object_stores
from scorer.files.urls import (
    companion,
    hide_secrets,
    is_url,
    location,
    name_of,
    parse_url,
    state_path,
    with_secrets,
    without_secrets,
)
from scorer.tables.formats import format_of


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("in.csv", "in.csv"),
        ("-", "-"),
        ("s3://bucket/in.csv", "s3://bucket/in.csv"),
        ("s3://key:se%2Fcret@bucket/a b.csv", "s3://bucket/a b.csv"),
        (
            "s3://k:s@bucket/in.csv?region=eu-west-1&endpoint_override=http://127.0.0.1:9000",
            "s3://bucket/in.csv?endpoint_override=http://127.0.0.1:9000&region=eu-west-1",
        ),
        ("https://host/in.csv?X-Amz-Signature=abc", "https://host/in.csv"),
        ("abfs://box:password@name.dfs.core.windows.net/in.csv", None),
        ("s3://bucket/in.csv?endpoint_override=http://u:p@host", "s3://bucket/in.csv"),
        ("S3://bucket/in.csv", "s3://bucket/in.csv"),
    ],
)
def test_secrets_are_hidden_and_kept_for_opening(given, shown):
    shown = shown or "abfs://box@name.dfs.core.windows.net/in.csv"
    assert hide_secrets(given) == shown
    assert with_secrets(shown) == given
    assert str(location(shown)) == shown
    assert hide_secrets(shown) == shown  # given without them, those of before are not used
    assert with_secrets(shown) == shown


def test_a_file_url_is_the_path_it_stands_for():
    assert hide_secrets("file:///tmp/a%20b.csv") == "/tmp/a b.csv"
    assert hide_secrets("file://localhost/tmp/a.csv") == "/tmp/a.csv"
    with pytest.raises(UsageError, match=r"file://other/… is not on this machine"):
        hide_secrets("file://other/tmp/a.csv")


def test_credentials_that_are_not_encoded_are_not_shown():
    with pytest.raises(UsageError) as refused:
        hide_secrets("s3://AKIA:se/cret@bucket/in.csv")
    assert "AKIA" not in str(refused.value)
    assert "%2F" in str(refused.value)


def test_names_formats_and_companions_leave_the_query_apart():
    url = hide_secrets("s3://k:s@bucket/day=1/in.csv.gz?region=eu")
    assert name_of(url) == "in.csv.gz"
    assert format_of(url).compression == "gzip"
    assert companion(url, "run.json") == "s3://bucket/day=1/in.csv.gz.run.json?region=eu"
    assert parse_url(with_secrets(companion(url, "run.json"))).password == "s"
    assert companion("out.csv", "run.json") == "out.csv.run.json"


def test_what_looks_like_a_path_is_one():
    assert not any(map(is_url, ("C:/x", "s3:/x", "/a://b", "a/b://c", Path("s3://b"), "://x")))


def test_the_folder_for_state(monkeypatch, tmp_path):
    monkeypatch.setenv("SCORER_STATE", str(tmp_path))
    one, other = (state_path(f"s3://bucket/{folder}/out.csv") for folder in "ab")
    assert one.parent == other.parent == tmp_path
    assert one != other
    assert one.name.endswith("-out.csv")
    monkeypatch.delenv("SCORER_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_path("s3://bucket/x").parent == tmp_path / "scorer"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "~")  # of a user whom the system does not know
    with pytest.raises(UsageError, match="variable SCORER_STATE names another folder"):
        state_path("s3://bucket/x")


def test_no_store_is_asked_for_where_no_path_is_a_url(tiny_bundle, tmp_path, monkeypatch):
    """Connections are opened behind two doors, which a run of local files does not touch."""

    def refuse(*asked):
        raise AssertionError(asked)

    for door in ("_connected", "_by_fsspec"):
        monkeypatch.setattr(object_stores, door, refuse)
    source = tmp_path / "in.csv"
    source.write_text("text\ngood\n")
    score_file(source, tmp_path / "out.parquet", bundle=tiny_bundle)
    score_file(f"file://{source}", f"file://{tmp_path}/other.csv", bundle=tiny_bundle)
    assert (tmp_path / "other.csv.run.json").exists()
    with pytest.raises(InputError, match=r"cannot read s3://bucket/in\.csv"):
        score_file("s3://bucket/in.csv", tmp_path / "third.csv", bundle=tiny_bundle)


@pytest.mark.parametrize(
    "given",
    [
        "sftp://user:pa/ssword@host/x",
        "https://user:pa?ssword@host/x",
        "https://user:?ssword@host/x",
        "abfs://box:/password@name.dfs.core.windows.net/x",
        "s3a://KEY:12/ssword@bucket/x",
    ],
)
def test_a_slash_in_a_secret_is_refused_and_not_shown(given):
    with pytest.raises(UsageError, match=r"written %2F") as refused:
        hide_secrets(given)
    assert "ssword" not in str(refused.value)
    assert without_secrets(f"see {given!r}") == f"see '{given.partition(':')[0]}://…'"


def test_what_has_a_colon_and_no_secret_is_taken():
    for url in (
        "hdfs://name:8020/a:b",
        "https://[::1]:9000/x",
        "https://[::1]/x",
        "sftp://u@h:2/",
        "https://h:/x",
    ):
        assert hide_secrets(url) == url


@pytest.mark.parametrize("scheme", ["s3", "s3a", "s3n"])
def test_the_user_of_s3_is_a_key_however_it_is_spelled(scheme):
    assert hide_secrets(f"{scheme}://KEY-ID:SECRET@b/x") == f"{scheme}://b/x"
    assert without_secrets("KEY-ID") == "…"


@pytest.mark.parametrize("password", [r"pa\ss'wd", "pa'ss\"wd", "pa'ss-wd", "pässwörd"])
def test_a_secret_is_known_in_quotes_too(password):
    given = f"s3://KEYID123:{password}@b/x"
    hide_secrets(given)
    for show in (str, repr, ascii):
        assert without_secrets(show(given)).strip("'\"") == "s3://b/x"
        assert without_secrets(show(password)).strip("'\"") == "…"
        assert "wd" not in without_secrets(show(f"{password}'\""))


def test_a_url_without_secrets_changes_no_message():
    assert hide_secrets("s3://nights-of-all") == "s3://nights-of-all/"
    assert hide_secrets("S3://nights-of-all/x?region=eu") == "s3://nights-of-all/x?region=eu"
    text = "s3://nights-of-all/in/ and S3://nights-of-all/x?region=eu"
    assert without_secrets(text) == text
    hide_secrets("https://nights-of-all/x?only-a-token")
    assert "token" not in without_secrets("no https://nights-of-all/x?only-a-token")


def test_an_endpoint_with_credentials_is_a_secret():
    hide_secrets("s3://b/x?endpoint_override=http://u:p@end-point&region=eu-west-9")
    assert without_secrets("http://u:p@end-point in eu-west-9") == "… in eu-west-9"


def test_secrets_are_there_while_other_threads_give_the_same_url():
    given, shown = "s3://key:secret@threads/in.csv", "s3://threads/in.csv"
    hide_secrets(given)
    companion(shown, "x")
    before, found = sys.getswitchinterval(), set()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(2) as threads:
            giving = threads.submit(lambda: [hide_secrets(given) for _ in range(1500)])
            related = threads.submit(lambda: [companion(shown, "x") for _ in range(1500)])
            while not (giving.done() and related.done()):
                found |= {with_secrets(shown), with_secrets(f"{shown}.x")}
    finally:
        sys.setswitchinterval(before)
    assert found == {given, f"{given}.x"}
