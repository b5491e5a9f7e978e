"""A real S3-compatible server on loopback, which can hold uploads up or refuse them."""

import re
import threading
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

BUCKET = "nights"
KEY, SECRET = "AKIAKNOWNTOTHETEST", "sEcReTkNoWnToThEtEsT"
PART = re.compile(r"\bpartNumber=(\d+)")
NEVER = 1 << 30


class Gate:
    """Stands before the server: from a part on, uploads are held up, or refused."""

    def __init__(self) -> None:
        self._server = DomainDispatcherApplication(create_backend_app)
        self._opened = threading.Event()
        self._held_from = self._refused_from = NEVER
        self.parts: list[int] = []  # that the server has taken

    def hold(self, part: int) -> None:
        self._opened.clear()
        self._held_from = part

    def refuse(self, part: int) -> None:
        self.open()
        self._refused_from = part

    def open(self) -> None:
        self._held_from = self._refused_from = NEVER
        self.parts.clear()
        self._opened.set()

    def __call__(self, request: Any, start: Any) -> Iterable[bytes]:
        found = PART.search(request["QUERY_STRING"])
        part = int(found[1]) if found else 0
        if part >= self._held_from:
            self._opened.wait()
        if part >= self._refused_from:
            start("403 Forbidden", [("Content-Type", "application/xml")])
            return [b"<Error><Code>AccessDenied</Code><Message>not you</Message></Error>"]
        answer = self._server(request, start)
        if part:
            self.parts.append(part)
        return answer


class ObjectStore:
    """A bucket of the server, seen by another client than the program's."""

    def __init__(self, server: BaseWSGIServer, gate: Gate) -> None:
        self.gate = gate
        self.address = f"127.0.0.1:{server.port}"
        self.url = f"http://{self.address}"
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name="us-east-1",
        )

    def environment(self) -> dict[str, str]:
        """Return the variables by which AWS' libraries find the server and its credentials."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def empty(self) -> None:
        """Begin with an empty bucket and no upload under way."""
        self.gate.open()
        for name in self.names():
            self.client.delete_object(Bucket=BUCKET, Key=name)
        for upload in self.uploads():
            self.client.abort_multipart_upload(Bucket=BUCKET, **upload)

    def check_credentials(self, checked: bool) -> None:
        """Have the server let in those it knows, which are none, or everybody."""
        allowed = b"0" if checked else b"1000000000"  # requests that need no credentials
        headers = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{self.url}/moto-api/reset-auth", allowed, headers)
        urllib.request.urlopen(request).close()

    def names(self) -> list[str]:
        """Return the keys of all objects that are visible."""
        listed = self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [entry["Key"] for entry in listed]

    def uploads(self) -> list[Mapping[str, str]]:
        """Return the uploads that are neither completed nor aborted."""
        listed = self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
        return [{name: entry[name] for name in ("Key", "UploadId")} for entry in listed]

    def put(self, name: str, content: bytes) -> str:
        """Put an object; return its URL."""
        self.client.put_object(Bucket=BUCKET, Key=name, Body=content)
        return f"s3://{BUCKET}/{name}"

    def get(self, name: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        return content


@contextmanager
def running_store() -> Iterator[ObjectStore]:
    """Start the server with a bucket."""
    gate = Gate()
    server = make_server("127.0.0.1", 0, gate, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        store = ObjectStore(server, gate)
        store.client.create_bucket(Bucket=BUCKET)
        yield store
    finally:
        gate.open()
        server.shutdown()
