"""Prefixes, globs and lists behind URLs, on a real S3-compatible server, mixed with local files."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import fsspec
import pytest
from click.testing import CliRunner, Result
from object_store import BUCKET, KEY, SECRET, ObjectStore

from scorer import score_file
from scorer.cli.main import main
from scorer.files.listing import list_files, match_files, state_of
from scorer.files.object_stores import store_of
from scorer.files.remote_files import open_object
from scorer.many_files.file_pairs import find_files, is_many
from scorer.many_files.manifest import Manifest

JOB = Path(__file__).parents[1] / "score_job.py"
FILES, ROWS, MORE = 6, 12, 9
URL = f"s3://{BUCKET}"
Score = Callable[..., Result]


def content(texts: list[str]) -> bytes:
    return ("id,text\n" + "".join(f'{at},"{text}"\n' for at, text in enumerate(texts))).encode()


@pytest.fixture
def inputs(labelled_texts) -> dict[str, bytes]:
    """Six tables by their places, in partitions of three days."""
    parts = [labelled_texts.texts[at * ROWS : (at + 1) * ROWS] for at in range(FILES)]
    return {f"day={at % 3}/{at:03}.csv": content(part) for at, part in enumerate(parts)}


@pytest.fixture
def prefix(object_store, inputs) -> ObjectStore:
    """A bucket with the tables below `in/`, and with what is no table."""
    for place, table in inputs.items():
        object_store.put(f"in/{place}", table)
    for other in ("in/", "in/day=0/", "in/_SUCCESS", "in/.hidden/x.csv", "other/y.csv"):
        object_store.put(other, b"" if other.endswith("/") else b"text\nno\n")
    return object_store


@pytest.fixture
def score(tiny_bundle) -> Score:
    def score(*arguments: object) -> Result:
        command = ["score", *map(str, arguments), "--bundle", str(tiny_bundle)]
        return CliRunner().invoke(main, command)

    return score


def kept(tmp_path: Path) -> list[str]:
    """Return what runs have left on this machine."""
    state = tmp_path / "state"
    return sorted(path.name for path in state.iterdir()) if state.exists() else []


def tables(store: ObjectStore, prefix: str = "out/") -> dict[str, bytes]:
    """Return the scored tables below a prefix, by their places."""
    names = [name for name in store.names() if name.startswith(prefix) and name.endswith(".csv")]
    return {name.removeprefix(prefix): store.get(name) for name in names}


def counts(run: Result) -> tuple[int, int, int]:
    facts = json.loads(run.stdout.splitlines()[-1])
    return facts["scored"], facts["unchanged"], facts["failed"]


def test_a_prefix_is_mirrored_and_a_rerun_does_what_failed_or_changed(
    prefix, score, tmp_path, tiny_bundle, inputs, monkeypatch
):
    damaged = "day=1/004.csv"
    prefix.put(f"in/{damaged}", b"\x89PNG no table")
    run = score(f"{URL}/in/", f"{URL}/out/", "--json")
    assert run.exit_code == 3
    assert run.stderr.splitlines()[-1] == (
        f"error: 1 of {FILES} files failed: {URL}/in/{damaged}. The same command does those "
        "again, and only those"
    )
    assert counts(run) == (FILES - 1, 0, 1)
    made = tables(prefix)
    assert set(made) == inputs.keys() - {damaged}
    (tmp_path / "in.csv").write_bytes(inputs["day=2/002.csv"])
    score_file(tmp_path / "in.csv", tmp_path / "alone.csv", bundle=tiny_bundle)
    assert made["day=2/002.csv"] == (tmp_path / "alone.csv").read_bytes()
    facts = json.loads(prefix.get("out/scorer-run.json"))
    assert (facts["scored"], facts["failed"], len(facts["files"])) == (FILES - 1, 1, FILES)
    assert kept(tmp_path) == []

    prefix.put(f"in/{damaged}", inputs[damaged])
    changed = "day=0/003.csv"  # as long as it was, within the same second
    prefix.put(f"in/{changed}", inputs[changed].replace(b"0,", b"8,", 1))
    monkeypatch.setenv("SCORER_STATE", str(tmp_path / "another machine"))
    again = score(f"{URL}/in", f"{URL}/out", "--json")  # without the slashes
    assert (again.exit_code, counts(again)) == (0, (2, FILES - 2, 0)), again.stderr
    after = tables(prefix)
    assert after[changed].startswith(b"id,text,probability_negative,probability_positive\n8,")
    assert {place for place in made if after[place] != made[place]} == {changed}
    prefix.client.delete_object(Bucket=BUCKET, Key=f"out/{changed}")
    assert counts(score(f"{URL}/in", f"{URL}/out", "--json")) == (1, FILES - 1, 0)
    assert counts(score(f"{URL}/in", f"{URL}/out", "--json", "--prefix", "p_")) == (FILES, 0, 0)


def test_local_and_remote_go_together_in_any_mix(prefix, score, tmp_path, inputs, monkeypatch):
    down = score(f"{URL}/in/day=[01]/*.csv", tmp_path / "down")
    assert down.exit_code == 0, down.stderr
    places = {str(path.relative_to(tmp_path / "down")) for path in (tmp_path).rglob("0*.csv")}
    assert places == {place for place in inputs if place[4] in "01"}
    for place, table in inputs.items():
        path = tmp_path / "local" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(table)
    up = score(tmp_path / "local", f"{URL}/up", "--output-format", "csv.gz")
    assert up.exit_code == 0, up.stderr
    scored = [name for name in prefix.names() if name.startswith("up/") and name.endswith(".gz")]
    assert [name.removesuffix(".gz").removeprefix("up/") for name in scored] == sorted(inputs)
    listed = [f"{URL}/in/day=1/001.csv", f"{tmp_path}/local/day=2/002.csv", f"{URL}/other/*.csv"]
    prefix.put("lists/tonight.txt", "\n".join(listed).encode())
    mixed = score(f"@{URL}/lists/tonight.txt", f"{URL}/in/day=0/003.csv", f"{URL}/mixed/")
    assert mixed.exit_code == 0, mixed.stderr
    assert tables(prefix, "mixed/").keys() == {"001.csv", "002.csv", "003.csv", "y.csv"}
    assert kept(tmp_path) == []


def test_a_run_that_is_killed_is_ended_by_the_next_one(
    prefix, score, tmp_path, tiny_bundle, inputs, monkeypatch
):
    for more in range(MORE):
        prefix.put(f"in/more/{more:02}.csv", inputs["day=0/000.csv"])
    command = [sys.executable, str(JOB), f"{URL}/in/", f"{URL}/out/", "--bundle", str(tiny_bundle)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as killed:
        while killed.poll() is None and len(recorded(tmp_path)) < 3:
            time.sleep(0.01)
        killed.send_signal(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    before, done = tables(prefix), recorded(tmp_path)
    assert 3 <= len(done) <= len(before) < FILES + MORE
    assert all(table.count(b"\n") == ROWS + 1 for table in before.values())  # none is a part

    with monkeypatch.context() as elsewhere:  # a machine that knows only what the store has
        elsewhere.setenv("SCORER_STATE", str(tmp_path / "elsewhere"))
        manifest = Manifest(f"{URL}/out/", "")
        pairs = find_files([f"{URL}/in/"], f"{URL}/out/")
        assert all(manifest.has(pair) for pair in pairs if str(pair.place) in done)

    ended = score(f"{URL}/in/", f"{URL}/out/", "--json")
    assert ended.exit_code == 0, ended.stderr
    assert counts(ended) == (FILES + MORE - len(done), len(done), 0)
    after = tables(prefix)
    assert len(after) == FILES + MORE
    assert all(after[place] == table for place, table in before.items())
    assert {table.count(b"\n") for table in after.values()} == {ROWS + 1}
    assert kept(tmp_path) == []


def test_where_the_clock_goes_back_what_was_made_last_counts(
    prefix, score, monkeypatch, tmp_path, inputs
):
    with monkeypatch.context() as ahead:
        clock = SimpleNamespace(time=lambda: time.time() + 1e6, monotonic=time.monotonic)
        ahead.setattr("scorer.many_files.manifest.time", clock)
        assert score(f"{URL}/in/", f"{URL}/out/").exit_code == 0
    prefix.put("in/day=0/000.csv", inputs["day=1/001.csv"])
    assert counts(score(f"{URL}/in/", f"{URL}/out/", "--json")) == (1, FILES - 1, 0)
    assert counts(score(f"{URL}/in/", f"{URL}/out/", "--json")) == (0, FILES, 0)


def recorded(tmp_path: Path) -> list[str]:
    """Return the outputs that a run under way has recorded as finished."""
    found = [*tmp_path.glob("state/*manifest.jsonl")]
    lines = found[0].read_text().split("\n")[:-1] if found else []
    return [entry["place"] for entry in map(json.loads, lines) if entry["binding"]]


def test_outputs_of_others_are_kept_and_those_of_a_killed_run_replaced(prefix, score, tmp_path):
    prefix.put("out/day=0/000.csv", b"mine")
    refused = score(f"{URL}/in/", f"{URL}/out/", "--json")
    assert (refused.exit_code, counts(refused)) == (2, (FILES - 1, 0, 1))
    assert f"{URL}/out/day=0/000.csv is already there. --overwrite replaces it" in refused.stderr
    assert prefix.get("out/day=0/000.csv") == b"mine"
    assert score(f"{URL}/in/", f"{URL}/out/", "--overwrite").exit_code == 0
    assert prefix.get("out/day=0/000.csv") != b"mine"


def test_a_folder_is_the_same_with_options_in_its_url(prefix, score):
    assert score(f"{URL}/in/", f"{URL}/out/").exit_code == 0
    options = f"?endpoint_override={prefix.address}&scheme=http"
    for target in (f"{URL}/out{options}", f"{URL}/out"):
        assert counts(score(f"{URL}/in/", target, "--json")) == (0, FILES, 0)


def test_other_runs_into_the_same_prefix_keep_their_entries(prefix, score):
    for day in range(3):
        assert score(f"{URL}/in/day={day}/*.csv", f"{URL}/out").exit_code == 0
    assert counts(score(f"{URL}/in/day=0/*.csv", f"{URL}/out", "--json")) == (0, 2, 0)
    lines = prefix.get("out/.scorer-manifest.jsonl").decode().splitlines()
    assert len({json.loads(line)["place"] for line in lines}) == len(lines) == FILES


def test_an_entry_that_another_machine_has_overwritten_costs_one_scoring(prefix, score):
    command = (f"{URL}/in/", f"{URL}/out", "--json")
    assert score(*command).exit_code == 0
    name = "out/.scorer-manifest.jsonl"
    _, *others = prefix.get(name).splitlines(keepends=True)
    prefix.put(name, b"".join(others))  # as of one that had read it before the entry was there
    assert [counts(score(*command)) for _ in range(2)] == [(1, FILES - 1, 0), (0, FILES, 0)]


def test_what_cannot_be_done_is_one_line(prefix, score, tmp_path):
    prefix.put("empty/", b"")
    prefix.put("spark.csv/part-0.csv", b"text\ngood\n")
    for odd in ("odd/a.csv", "odd//a.csv"):
        prefix.put(odd, b"text\ngood\n")
    cases = [
        (f"{URL}/empty/", tmp_path / "out", 3, f"no CSV or Parquet file is in {URL}/empty/"),
        (f"{URL}/none/", tmp_path / "out", 3, f"cannot read {URL}/none/: nothing is there"),
        (f"{URL}/none", tmp_path / "out", 3, f"cannot read {URL}/none: nothing is there"),
        (f"{URL}/none/*.csv", tmp_path / "out", 3, "none/: nothing is there"),
        (f"{URL}/in/*.parquet", tmp_path / "out", 3, "no CSV or Parquet file is in s3"),
        ("s3://no-such-bucket/in/", tmp_path / "out", 3, "there is no bucket no-such-bucket"),
        (f"{URL}/in/", "s3://no-such-bucket/out", 3, "there is no bucket no-such-bucket"),
        (f"{URL}/in/", "hdfs://host/out/", 2, "hdfs:// is read, not written"),
        (f"{URL}/in/", f"{URL}/out.csv", 2, f"{URL}/out.csv is no folder"),
        ("https://host/*.csv", tmp_path / "out", 2, "has no list of what is below it"),
        (f"{URL}/none", "-", 3, f"cannot read {URL}/none: nothing is there"),
        (f"{URL}/odd/", tmp_path / "out", 3, "cannot read the object nights/odd//a.csv"),
        (f"{URL}/spark.csv", tmp_path / "out", 2, "does not end in one of"),
        (f"{URL}/spark.csv", tmp_path / "x.csv", 3, "no such object; with / at its end: those"),
        (f"@{URL}/none.txt", tmp_path / "out", 3, "none.txt: there is no such object"),
    ]
    for source, target, code, message in cases:
        ended = score(source, target)
        assert (ended.exit_code, len(ended.stderr.splitlines())) == (code, 1), ended.stderr
        assert message in ended.stderr
    missed = score(f"{URL}/in", tmp_path / "x.csv", "--input-format", "csv")
    assert "x.csv is no folder" in missed.stderr
    prefix.check_credentials(True)
    try:
        denied = score(f"{URL}/in/", tmp_path / "out")
    finally:
        prefix.check_credentials(False)
    assert denied.exit_code == 3
    assert "Credentials are those" in denied.stderr


def test_no_credential_is_written_for_many_files(prefix, score, tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    prefix.put("in/day=1/004.csv", b"\x89PNG no table")
    account = f"{KEY}:{SECRET}@{BUCKET}"
    options = f"?endpoint_override={prefix.address}&scheme=http"
    records = ["--json", "--verbose", "--history", tmp_path / "runs.jsonl"]
    listed = tmp_path / "list.txt"
    listed.write_text(f"s3://{account}/in/day=0/000.csv{options}\ns3://{account}/none.csv{options}")
    out = f"s3://{account}/out/{options}"
    ended = [
        score(f"s3://{account}/in/{options}", out, *records),
        score(f"s3://{account}/in/{options}", out, *records),
        score(f"@{listed}", out, *records),
        score(f"s3://{account}/none/{options}", out, *records),
        score(f"@s3://{account}/none.txt{options}", out, *records),
        score(f"s3://{account}/in/*.x{options}", out, *records),
    ]
    listed.unlink()
    assert [run.exit_code for run in ended] == [3] * 6, [run.stderr for run in ended]
    assert [counts(run) for run in ended[:3]] == [(5, 0, 1), (0, 5, 1), (1, 0, 1)]
    texts = [run.output + run.stderr for run in ended]
    texts += [path.read_text("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
    texts += [prefix.get(name).decode("latin-1") for name in prefix.names()]
    for word in (KEY, SECRET):
        assert [text for text in texts if word in text] == []


def test_names_of_objects_are_kept_whatever_is_in_them(object_store, score, tmp_path):
    names = ["100% sure?.csv", "größe [a] #1&b=2.csv", "sub/%41+.csv"]
    for name in names:
        object_store.put(f"in/{name}", content([name]))
    object_store.put("in/../../evil.csv", content(["leads out of OUT"]))
    for target in (tmp_path / "out", f"{URL}/out"):
        done = score(f"{URL}/in", target, "--json")
        assert (done.exit_code, counts(done)) == (0, (3, 0, 0)), done.stderr
    local = {str(path.relative_to(tmp_path / "out")) for path in tmp_path.rglob("out/**/*.csv")}
    assert local == set(names) == tables(object_store).keys()


def test_globs_match_objects_as_they_match_files(prefix, inputs, tmp_path):
    for place in inputs:
        path = tmp_path / "in" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    prefix.client.delete_object(Bucket=BUCKET, Key="in/.hidden/x.csv")
    for pattern in ("*.csv", "*/*.csv", "day=[12]/00*.csv", "**/*4.csv", "day=1/*", "**/00*"):
        here = match_files(f"{tmp_path}/in/{pattern}")
        assert here or pattern == "*.csv"
        there = match_files(f"{URL}/in/{pattern}")
        assert [file.place for file in there] == [file.place for file in here], pattern


def test_magic_characters_that_are_escaped_are_those_of_a_name(object_store):
    names = ("x*y.csv", "xzy.csv", "a[1]2.csv", "a12.csv", "q?.csv", "qq.csv")
    for name in names:
        object_store.put(f"d/{name}", b"text\n")
    patterns = {"*/x%2Ay.csv": "x*y.csv", "d/a%5B1%5d*.csv": "a[1]2.csv", "*/q%3f.csv": "q?.csv"}
    for pattern, name in patterns.items():
        assert [file.place.name for file in match_files(f"{URL}/{pattern}")] == [name]


def test_an_address_that_ends_in_a_slash_is_no_folder_where_nothing_is_listed():
    assert not is_many(["https://127.0.0.1:1/export/"], "out.csv")


def test_objects_that_cannot_be_opened_do_not_disturb_a_folder_of_outputs(prefix, score):
    prefix.put("out//odd.csv", b"text\n")
    assert score(f"{URL}/in/", f"{URL}/out/").exit_code == 0


def test_folders_that_fsspec_reaches_are_read(score, tmp_path):
    for name in ("a.csv", "b/c.csv"):
        with fsspec.open(f"memory://many/{name}", "wb") as file:
            file.write(content(["good", "bad"]))
    assert score("memory://many/", tmp_path / "out").exit_code == 0
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.csv")} == {
        "out/a.csv",
        "out/b/c.csv",
    }
    files = list_files("memory://many")
    assert [open_object(str(file.location)).read().count(b"\n") for file in files] == [3, 3]


def test_a_store_is_connected_to_once(object_store, monkeypatch):
    first = store_of(f"{URL}/a.csv")
    assert store_of(f"{URL}/folder/b.csv")[0] is first[0]
    assert store_of(f"s3://k:s@{BUCKET}/a.csv")[0] is not first[0]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    assert store_of(f"{URL}/a.csv")[0] is not first[0]


def test_a_recent_time_of_an_object_is_not_trusted(object_store):
    state = state_of(object_store.put("in.csv", b"text\n"))
    assert state is not None
    assert (state.size, state.changed) == (5, None)
    assert state_of(f"{URL}/none.csv") is None


def test_pairs_have_what_was_listed(prefix):
    pairs = find_files([f"{URL}/in"], f"{URL}/out")
    assert [pair.target for pair in pairs] == sorted(
        str(pair.source).replace("/in/", "/out/") for pair in pairs
    )
    assert all(pair.state is not None for pair in pairs)
