"""Tables behind URLs, on a real S3-compatible server: read, published whole, resumed, refused."""

import csv
import hashlib
import io
import json
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from object_store import BUCKET, KEY

from scorer import score_file
from scorer.bundles.store import DEFAULT_BUNDLE
from scorer.cli.main import main
from scorer.corpus.corpus import read_corpus
from scorer.corpus.labelled_columns import Columns
from scorer.errors import InputError, UsageError
from scorer.files import object_stores, remote_files
from scorer.files.fingerprint import check_unchanged, fingerprint
from scorer.files.urls import hide_secrets

JOB = Path(__file__).parents[1] / "score_job.py"
ROWS = 300
LONG_ROWS, LONG_BYTES = 1100, 20_000  # so that an output is sent in three parts
CHUNK_ROWS = 200


@pytest.fixture
def store(object_store):
    return object_store


@pytest.fixture
def score(tiny_bundle):
    def score(*arguments) -> Result:
        command = ["score", *map(str, arguments), "--bundle", str(tiny_bundle)]
        return CliRunner().invoke(main, command)

    return score


def table(texts) -> bytes:
    """Return a CSV of random texts."""
    rng, file = random.Random(3), io.StringIO(newline="")
    csv.writer(file).writerows([("id", "text"), *enumerate(rng.choices(texts, k=ROWS))])
    return file.getvalue().encode()


def large(texts) -> bytes:
    """Return a Parquet file whose rows are long and cannot be compressed."""
    rng, file = random.Random(3), io.BytesIO()
    noise = [rng.randbytes(LONG_BYTES) for _ in range(LONG_ROWS)]
    pq.write_table(pa.table({"text": rng.choices(texts, k=LONG_ROWS), "noise": noise}), file)
    return file.getvalue()


def kept(folder: Path) -> list[str]:
    """Return what a run has left on this machine."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("ending", ["csv.gz", "jsonl", "parquet"])
def test_a_table_behind_a_url_is_scored_as_a_local_one_is(
    store, score, labelled_texts, tmp_path, ending
):
    source = tmp_path / "in.csv"
    source.write_bytes(table(labelled_texts.texts))
    local = tmp_path / f"local.{ending}"
    assert score(source, local).exit_code == 0
    url = store.put("day=1/in.csv", source.read_bytes())
    done = score(url, f"s3://{BUCKET}/out/scored.{ending}")
    assert done.exit_code == 0, done.stderr
    assert f"s3://{BUCKET}/out/scored.{ending}: {ROWS} rows" in done.stderr
    names = ["day=1/in.csv", f"out/scored.{ending}", f"out/scored.{ending}.run.json"]
    assert store.names() == names
    assert kept(tmp_path / "state") == []
    if ending != "parquet":
        assert store.get(names[1]) == local.read_bytes()
        return
    scored = pq.ParquetFile(pa.BufferReader(store.get(names[1])))
    assert scored.read().equals(pq.read_table(local))
    facts = json.loads(scored.metadata.metadata[b"scorer.provenance"])
    assert facts["input"]["path"] == url
    again = score(f"s3://{BUCKET}/out/scored.parquet", tmp_path / "again.csv", "--prefix", "b_")
    assert again.exit_code == 0, again.stderr
    assert (tmp_path / "again.csv").read_text().count("\n") == ROWS + 1


def test_the_summary_beside_an_object_is_that_of_a_local_run(store, score, labelled_texts):
    content = table(labelled_texts.texts)
    url, output = store.put("in.csv", content), f"s3://{BUCKET}/out.csv"
    assert score(url, output).exit_code == 0
    facts = json.loads(store.get("out.csv.run.json"))
    assert (facts["input"]["path"], facts["input"]["size"]) == (url, len(content))
    assert (facts["output"], facts["output_bytes"]) == (output, len(store.get("out.csv")))
    refused = score(url, output)
    assert refused.exit_code == 2
    assert f"{output} is already there. --overwrite replaces it" in refused.stderr
    store.put("in.csv", b"text\ngood\n")
    assert score(url, output, "--overwrite").exit_code == 0
    assert store.get("out.csv").count(b"\n") == 2
    store.put("in.csv", b"nothing\n1\n")
    failed = score(url, output, "--overwrite", "--text-column", "text")
    assert failed.exit_code != 0
    after = json.loads(store.get("out.csv.run.json"))
    assert (after["published"], after["published_run"]["published"]) == (False, True)
    assert store.get("out.csv").count(b"\n") == 2


def test_rejects_stand_beside_and_go_with_the_next_run(store, score):
    url, output = store.put("in.csv", b"id,text\n1,good\n2,a,b\n"), f"s3://{BUCKET}/out.csv"
    done = score(url, output, "--max-rejects", "1")
    assert done.exit_code == 0, done.stderr
    assert f"1 row was rejected, see {output}.rejects.csv" in done.stderr
    assert b"2,a,b" in store.get("out.csv.rejects.csv")
    assert score(f"{output}.rejects.csv", output, "--overwrite").exit_code == 2  # its own
    store.put("in.csv", b"id,text\n1,good\n")
    assert score(url, output, "--overwrite").exit_code == 0
    assert "out.csv.rejects.csv" not in store.names()


def run(source, output, bundle) -> subprocess.Popen:
    """Start the job as cron does."""
    options = ["--bundle", str(bundle), "--overwrite", "--chunk-rows", str(CHUNK_ROWS)]
    return subprocess.Popen([sys.executable, str(JOB), source, output, *options])


def test_an_upload_that_is_killed_or_fails_shows_no_part_and_the_next_run_ends_it(
    store, score, labelled_texts, tiny_bundle, tmp_path
):
    url, output = store.put("in.parquet", large(labelled_texts.texts)), f"s3://{BUCKET}/out.parquet"
    once = f"s3://{BUCKET}/once.parquet"
    score_file(url, once, bundle=tiny_bundle, chunk_rows=CHUNK_ROWS)
    store.put("out.parquet", b"yesterday's")
    names = store.names()
    store.gate.open()

    store.gate.hold(2)  # killed when one of three parts is there
    with run(url, output, tiny_bundle) as killed:
        while not store.gate.parts and killed.poll() is None:
            time.sleep(0.01)
        killed.send_signal(signal.SIGKILL)
    assert killed.returncode == -signal.SIGKILL
    assert store.gate.parts == [1]
    assert [upload["Key"] for upload in store.uploads()] == ["out.parquet"]
    assert store.names() == names
    assert store.get("out.parquet") == b"yesterday's"
    assert any(name.endswith("-out.parquet.journal") for name in kept(tmp_path / "state"))

    again = (url, output, "--overwrite", "--chunk-rows", CHUNK_ROWS, "--json")
    store.gate.refuse(2)  # the store refuses a part in the middle
    failed = score(*again)
    assert failed.exit_code == 3, failed.stderr
    last = failed.stderr.splitlines()[-1]
    assert last.startswith(f"error: cannot write {output}: ")
    assert "ACCESS_DENIED" in last
    facts = json.loads(failed.stdout)
    assert (facts["resumed_rows"], facts["computed_rows"]) == (LONG_ROWS, 0)
    assert json.loads(store.get("out.parquet.run.json"))["published"] is False
    assert store.get("out.parquet") == b"yesterday's"

    store.gate.open()
    ended = score(*again)
    assert ended.exit_code == 0, ended.stderr
    assert json.loads(ended.stdout)["resumed_rows"] == LONG_ROWS
    assert store.get("out.parquet") == store.get("once.parquet")
    assert kept(tmp_path / "state") == []


def test_an_upload_that_is_let_go_of_is_never_completed(store, tmp_path):
    """In a process of its own, which ends as any program does."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from scorer.files.remote_files import PendingObject\n"
        "for name in ('discarded', 'dropped'):\n"
        "    temporary = Path(sys.argv[1], name)\n"
        "    pending = PendingObject(sys.argv[2] + name, temporary)\n"
        "    temporary.write_bytes(b'x' * (11 << 20))\n"
        "    pending.flush()\n"
        "    if name == 'discarded':\n"
        "        pending.discard()\n"
        "    del pending\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path), f"s3://{BUCKET}/"]
    subprocess.run(command, check=True)
    assert store.names() == []
    assert sorted(upload["Key"] for upload in store.uploads()) == ["discarded", "dropped"]


def test_an_object_that_appears_during_the_run_is_kept(store, tmp_path):
    pending = remote_files.PendingObject(f"s3://{BUCKET}/out", tmp_path / "partial")
    pending.temporary.write_bytes(b"new")
    pending.flush()
    assert store.names() == []
    store.put("out", b"another's")
    with pytest.raises(UsageError, match=r"appeared during the run, and is kept"):
        pending.publish(replace=False)
    assert store.get("out") == b"another's"
    pending.publish()
    assert store.get("out") == b"new"
    assert kept(tmp_path) == []


def test_an_input_that_changes_is_noticed(store):
    url = store.put("in.csv", b"text\ngood\n")
    before = fingerprint(url)
    check_unchanged(url, before)
    store.put("in.csv", b"text\nbad!\n")  # as many bytes
    with pytest.raises(InputError, match=r"in\.csv changed while it was read: nothing is"):
        check_unchanged(url, before)


def test_two_runs_on_one_object_the_second_stops(store, score, tmp_path):
    from scorer.scoring.destination import open_output

    url, output = store.put("in.csv", b"text\ngood\n"), f"s3://{BUCKET}/out.csv"
    with open_output(output, url, overwrite=False):
        busy = score(url, output)
    assert busy.exit_code == 75, busy.stderr


def test_what_is_not_there_or_not_allowed_is_one_line(store, score, tmp_path):
    good, out = store.put("in.csv", b"text\ngood\n"), tmp_path / "out.csv"
    cases = [
        (f"s3://{BUCKET}/none.csv", out, 3, "none.csv: there is no such object"),
        ("s3://no-such-bucket/in.csv", out, 3, "there is no bucket no-such-bucket"),
        (good, "s3://no-such-bucket/out.csv", 3, "there is no bucket no-such-bucket"),
        (good, good, 2, "is the input itself"),
        (good, "hdfs://host/out.csv", 2, "hdfs:// is read, not written"),
        ("nonsense://host/in.csv", out, 2, "nonsense:// is not known. There are s3://"),
        (f"{good}?colour=red", out, 2, "s3:// takes no option colour. It takes: endpoint"),
        (f"s3://{BUCKET}/in.xls", out, 2, "does not end in one of"),
    ]
    for source, target, code, message in cases:
        ended = score(source, target)
        assert (ended.exit_code, len(ended.stderr.splitlines())) == (code, 1), ended.stderr
        assert message in ended.stderr
    store.check_credentials(True)
    try:
        denied = score(good, out)
    finally:
        store.check_credentials(False)
    assert denied.exit_code == 3
    assert "ACCESS_DENIED" in denied.stderr
    assert "Credentials are those" in denied.stderr


def test_a_dead_endpoint_is_given_up(store, score, tmp_path, monkeypatch):
    """One that refuses; one that never answers, with the seconds of a run made less."""
    monkeypatch.setattr(object_stores, "STALL_SECONDS", 1)
    monkeypatch.setattr(object_stores, "ATTEMPTS", 2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        assert score(f"s3://{BUCKET}/in.csv", tmp_path / "out.csv").exit_code == 3
        assert time.monotonic() - started < 15
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    dead = score(f"s3://{BUCKET}/in.csv", tmp_path / "out.csv")
    assert dead.exit_code == 3
    assert "NETWORK_CONNECTION" in dead.stderr
    assert (
        object_stores.ATTEMPTS * (object_stores.CONNECT_SECONDS + object_stores.STALL_SECONDS)
        <= 120
    )


def test_no_credential_is_written_anywhere(store, score, tmp_path, monkeypatch, labelled_texts):
    """Keys in the URL, in its query and in the environment; a run that ends well, and three not."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    secret = "pass/word+of=nobody"
    account = f"{KEY}:pass%2Fword%2Bof%3Dnobody"
    endpoint = f"endpoint_override={store.address}&scheme=http"
    store.put("in.csv", table(labelled_texts.texts) + b"a,b,c\n")
    given = f"s3://{account}@{BUCKET}/in.csv?{endpoint}"
    records = [
        "--history",
        tmp_path / "runs.jsonl",
        "--metrics-file",
        tmp_path / "run.prom",
        "--json",
        "--verbose",
    ]
    output = f"s3://{account}@{BUCKET}/out.parquet?{endpoint}"
    ended = [
        score(given, output, *records),
        score(given, output, *records),  # it is there
        score(given.replace("in.csv", "none.csv"), output, "--overwrite", *records),
        score(given.replace("scheme=http", "scheme=https"), tmp_path / "x.csv", *records),
        score(f"{given}&token={secret}", tmp_path / "x.csv", *records),
        score(f"https://u:{account}@127.0.0.1:9/in.csv?sig={secret}", tmp_path / "x.csv", *records),
    ]
    gone = given.replace("in.csv", "none.csv")
    commands = [
        ["sample", gone],
        ["compare", gone, DEFAULT_BUNDLE],
        ["evaluate", gone],
        ["train", tmp_path / "a.csv", "--unlabelled", gone],
        ["score", tmp_path / "a.csv", tmp_path / "b.csv", "--report", f"{gone}.html"],
        ["evaluate", tmp_path / "a.csv", "--html", f"{gone}.html"],
    ]
    refused = [CliRunner().invoke(main, [*map(str, command)]) for command in commands]
    assert [run.exit_code for run in refused] == [3, 3, 3, 2, 2, 2], [r.stderr for r in refused]
    ended += refused
    assert [run.exit_code for run in ended][:4] == [0, 2, 3, 3], [run.stderr for run in ended]
    texts = [run.output + run.stderr for run in ended]
    texts += [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*.*")]
    texts += [store.get(name).decode("latin-1") for name in store.names() if name != "in.csv"]
    shown = f"s3://{BUCKET}/out.parquet?endpoint_override={store.address}&scheme=http"
    assert sum(shown in text for text in texts) >= 3
    for word in (KEY, secret, "pass%2Fword", "nobody"):
        assert [text for text in texts if word in text] == []


def test_what_a_library_says_of_an_error_loses_the_secrets():
    given = f"https://user:pa%2Fss@host/in.csv?sig=sig-nature&token={KEY}"
    url = hide_secrets(given)
    with pytest.raises(InputError) as failed, object_stores.reaching(url, "read"):
        raise RuntimeError(f"403 for {given}: pa/ss, pa%2Fss, sig-nature, {KEY}\nmore")
    message = str(failed.value)
    assert message.startswith("cannot read https://user@host/in.csv: 403 for …: …, …, …, …. Cred")


def test_labelled_files_are_read_and_known_again(store, labelled_texts):
    rows = zip(labelled_texts.texts, labelled_texts.targets, strict=True)
    content = "text,label\n" + "".join(f'"{text}",{target}\n' for text, target in rows)
    url = store.put("labelled.csv", content.encode())
    corpus = read_corpus([url], "0.2", "0.2", Columns(), 1)
    assert corpus.files == {url: hashlib.sha256(content.encode()).hexdigest()}
    with pytest.raises(InputError, match=r"cannot read s3://nights/gone\.csv: there is no such"):
        read_corpus([url], f"s3://{BUCKET}/gone.csv", "0.2", Columns(), 1)


def test_stores_that_pyarrow_lacks_are_read_through_fsspec(score, tmp_path, monkeypatch):
    with fsspec.open("memory://folder/in.csv", "wb") as file:
        file.write(b"text\ngood\nbad\n")
    done = score("memory://folder/in.csv", tmp_path / "out.csv")
    assert done.exit_code == 0, done.stderr
    assert (tmp_path / "out.csv").read_bytes().count(b"\n") == 3
    assert score("memory://folder/in.csv", "memory://out.csv").exit_code == 2  # not atomic there
    monkeypatch.setitem(sys.modules, "paramiko", None)  # as where it is not installed
    missing = score("sftp://host/in.csv", tmp_path / "other.csv")
    assert missing.exit_code == 2
    assert "pip install 'batch-text-scorer[cloud]'" in missing.stderr
