"""A prefix of small objects as one run: how many requests each costs, and how long it takes.

On moto's S3-compatible server, a thread of this process on loopback. Requests are counted, since
each of them costs a real store's latency, which loopback does not have: `--latency` adds one.
"""

import csv
import io
import os
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import click
from measured import Figure, seconds, show
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from scorer import score_files

BUCKET = "nights"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class Counting:
    """Stands before the server and counts requests, each of which it holds up for a while."""

    def __init__(self, latency: float) -> None:
        self._server = DomainDispatcherApplication(create_backend_app)
        self._latency = latency
        self.requests = 0

    def __call__(self, request: Any, start: Any) -> Iterable[bytes]:
        self.requests += 1
        time.sleep(self._latency)
        return self._server(request, start)  # type: ignore[no-any-return]


class Quiet(WSGIRequestHandler):
    """Logs nothing, and keeps connections, as stores do."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        """Do nothing."""


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--files", default=40, show_default=True)
@click.option("--rows", default=50, show_default=True, help="Of each file.")
@click.option("--latency", default=0.0, show_default=True, help="Seconds added to a request.")
def main(path: Path, files: int, rows: int, latency: float) -> None:
    """Measure on the longest column of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        table = list(csv.reader(file))[1 : files * rows + 1]
    at = max(range(len(table[0])), key=lambda at: sum(len(row[at]) for row in table[:100]))
    texts = [row[at] for row in table]
    with tempfile.TemporaryDirectory() as folder, counted(latency) as store:
        os.environ["SCORER_STATE"] = folder
        write(Path(folder), texts, files, rows)
        show(list(measure(Path(folder), store, files)))


@contextmanager
def counted(latency: float) -> Iterator[Counting]:
    """Run a server with a bucket, where the environment leads to."""
    store = Counting(latency)
    server = make_server("127.0.0.1", 0, store, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ |= {**ENVIRONMENT, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}"}
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    yield store
    server.shutdown()


def write(folder: Path, texts: list[str], files: int, rows: int) -> None:
    """Write the same files into a folder and into the bucket."""
    client = boto3.client("s3")
    (folder / "in").mkdir()
    for number in range(files):
        file = io.StringIO(newline="")
        cells = [(at, texts[at % len(texts)]) for at in range(number * rows, (number + 1) * rows)]
        csv.writer(file).writerows([("id", "text"), *cells])
        (folder / "in" / f"{number:04}.csv").write_text(file.getvalue(), encoding="utf-8")
        client.put_object(Bucket=BUCKET, Key=f"in/{number:04}.csv", Body=file.getvalue().encode())


def measure(folder: Path, store: Counting, files: int) -> Iterator[Figure]:
    """Yield a folder's seconds, then those and the requests of the bucket: new, and unchanged."""
    score_files([folder / "in"], folder / "warm")
    local = seconds(lambda: score_files([folder / "in"], folder / "out")) / files
    yield Figure("a file of this machine", f"{local:.3f} s")
    for name in ("an object", "an object that is up to date"):
        before = store.requests
        spent = seconds(lambda: score_files([f"s3://{BUCKET}/in/"], f"s3://{BUCKET}/out/")) / files
        asked = (store.requests - before) / files
        yield Figure(f"{name}, {asked:.1f} requests", f"{spent:.3f} s", spent / local, "the file's")


if __name__ == "__main__":
    main()
