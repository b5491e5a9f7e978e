"""URLs among paths: what one is, its name and companions, and its secrets kept out of sight.

`s3://key:secret@bucket/in.csv` is `s3://bucket/in.csv` wherever it is shown, logged, summed up or
written to a file. So secrets are taken out at the door (`hide_secrets`, once for each path that a
user gives) and kept in this process's memory until the object is opened (`with_secrets`): what lies
between has none to give away. Opens nothing.
"""

import hashlib
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode

from scorer.errors import UsageError

Location = Path | str  # of a file: a path, or a URL

URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://(?P<rest>.*)", re.DOTALL)
PORT = re.compile(r"[^:]*(:[0-9]*)?")  # all that may have a colon in a host, but for IPv6's [::1]
SHOWN_OPTIONS = ("endpoint_override", "region", "scheme")  # of a query; all others are secret
S3 = ("s3", "s3a", "s3n")  # whose user is a key
BY_PYARROW = ("s3", "gs", "gcs", "hdfs", "viewfs")  # which decode percent signs; others do not
MARK = "…"  # for a secret
LEAST_SECRET = 6  # characters: a shorter one is looked for only in its URL
STATE = "SCORER_STATE"  # environment variable: the folder for what a run keeps here

_secrets: dict[str, str] = {}  # URL as it is shown -> as it was given
_instead: dict[str, str] = {}  # what no message may have -> what stands for it


@dataclass(frozen=True)
class Url:
    """The parts of a URL; percent signs are decoded."""

    scheme: str
    user: str | None
    password: str | None
    host: str
    path: str  # without its first slash
    query: dict[str, str]


def is_url(path: Location) -> bool:
    """Return whether a path is a URL of something that is not on this machine's disks."""
    return isinstance(path, str) and URL.match(path) is not None


def parse_url(url: str) -> Url:
    """Return the parts of a URL. Raises `UsageError`, which shows none of its secrets."""
    match = URL.match(url)
    assert match is not None  # callers have asked `is_url`
    scheme, (place, _, query) = match["scheme"].lower(), match["rest"].partition("?")
    authority, _, path = place.partition("/")
    account, at, host = authority.rpartition("@")
    user, colon, password = account.partition(":")
    cut_off = host.endswith(":") and "@" in match["rest"]  # an account, with a / in its password
    if cut_off or not PORT.fullmatch(host.rpartition("]")[2]) or (scheme in S3 and ":" in host):
        what = "bucket's name" if scheme in S3 else "host"
        hint = "An @ stands behind credentials, a / in them is written %2F"
        raise UsageError(f"the {scheme}:// URL has no {what} after its credentials", hint)
    return Url(
        scheme,
        unquote(user) if at else None,
        unquote(password) if colon else None,
        unquote(host),
        unquote(path),
        dict(parse_qsl(query, keep_blank_values=True)),
    )


def hide_secrets(path: str) -> str:
    """Return a URL without its secrets, which are kept for when it is opened.

    Any other path is returned as it is; `file://` becomes the path it stands for. Raises
    `UsageError`.
    """
    if not is_url(path):
        return path
    try:
        parts = parse_url(path)
        if parts.scheme == "file":
            return _local_path(parts)
    except UsageError:
        masked = f"{path.partition('://')[0]}://{MARK}"
        _instead.update(dict.fromkeys(_spellings(path), masked))
        raise
    shown = _shown(path, parts)
    _keep(shown, path)
    if _has_secret(path, parts):
        words = {word for word in secrets_of(shown) if len(word) >= LEAST_SECRET}
        _instead.update(dict.fromkeys(words, MARK) | dict.fromkeys(_spellings(path), shown))
    return shown


def _shown(path: str, parts: Url) -> str:
    """Return a URL without its secrets, its path as it was spelled."""
    user = "" if parts.user is None or parts.scheme in S3 else f"{parts.user}@"
    kept = {name: parts.query[name] for name in SHOWN_OPTIONS if _may_be_shown(name, parts)}
    query = f"?{urlencode(kept, safe=':/')}" if kept else ""
    place = path.partition("://")[2].partition("?")[0].partition("/")[2]
    return f"{parts.scheme}://{user}{parts.host}/{place}{query}"


def _may_be_shown(option: str, parts: Url) -> bool:
    """Return whether an option of the query is no secret; an endpoint may have credentials."""
    return option in SHOWN_OPTIONS and "@" not in parts.query.get(option, "@")


def _has_secret(path: str, parts: Url) -> bool:
    key = parts.user is not None and parts.scheme in S3
    account = "@" in unquote(path.partition("?")[2])  # in one of several endpoints too
    hidden = [option for option in parts.query if not _may_be_shown(option, parts)]
    return key or parts.password is not None or account or bool(hidden)


def _keep(shown: str, given: str) -> None:
    """Keep a URL as it was given; in one step, as other threads may open it meanwhile."""
    if given != shown:
        _secrets[shown] = given
    else:
        _secrets.pop(shown, None)  # of a run before


def note_secrets(text: str) -> None:
    """Have `without_secrets` know those of a URL that a text ends with, misspelled ones too."""
    match = URL.search(text)
    if match is not None:
        with suppress(UsageError):  # it is raised where the URL is used
            hide_secrets(match[0])


def without_secrets(text: str) -> str:
    """Return a text, such as an error's, without the secrets of URLs that were given so far."""
    for secret in sorted(_instead, key=len, reverse=True):
        text = text.replace(secret, _instead[secret])
    return text


def local_file(path: str | os.PathLike[str], option: str) -> Path:
    """Return a path that has to be one of this machine. Raises `UsageError`, without a URL."""
    text = hide_secrets(os.fspath(path))
    if is_url(text):
        raise UsageError(f"{option} takes a path of this machine, no URL")
    return Path(text)


def _local_path(parts: Url) -> str:
    if parts.host not in ("", "localhost"):
        raise UsageError(f"file://{parts.host}/… is not on this machine", "file:///… is")
    return f"/{parts.path}"


def with_secrets(url: str) -> str:
    """Return a URL as it was given, to be opened and never to be shown."""
    return _secrets.get(url, url)


def secrets_of(url: str) -> set[str]:
    """Return every secret of a URL, in all its spellings; the whole of it too."""
    given = with_secrets(url)
    parts = parse_url(given)
    place, _, query = given.partition("?")
    account = place.partition("://")[2].partition("/")[0].rpartition("@")[0]
    pairs = [pair.partition("=") for pair in query.split("&")]
    spelled = {value for name, _, value in pairs if not _may_be_shown(name, parts)}
    decoded = {value for name, value in parts.query.items() if not _may_be_shown(name, parts)}
    user = {parts.user, account.partition(":")[0]} if parts.scheme in S3 else set()
    found = {given, account.partition(":")[2], parts.password, *user, *spelled, *decoded}
    return {word for secret in found if secret and secret != url for word in _spellings(secret)}


def _spellings(secret: str) -> set[str]:
    """Return a secret as it is and as `repr` and `ascii` spell it, whichever quotes they take."""
    escaped = {repr(secret)[1:-1], ascii(secret)[1:-1]}
    return {secret, *escaped, *(word.replace("'", "\\'") for word in escaped)}


def location(path: str | os.PathLike[str]) -> Location:
    """Return a path; a URL, whose secrets are hidden already, as it is."""
    text = os.fspath(path)
    return text if is_url(text) else Path(text)


def absolute(path: Location) -> Location:
    """Return a path from the root; a URL is one already."""
    return path.absolute() if isinstance(path, Path) else path


def name_of(path: Location) -> str:
    """Return the last part of a path or of a URL's."""
    return Path(parse_url(str(path)).path if is_url(path) else path).name


def companion(path: str, ending: str) -> str:
    """Return what stands beside an output: `<output>.<ending>`."""
    return _related(path, lambda place: f"{place}.{ending}") if is_url(path) else f"{path}.{ending}"


def below(folder: Location, place: str) -> Location:
    """Return what stands at a place below a folder, such as `day=1/in.csv`."""
    if isinstance(folder, Path):
        return folder / place
    by_pyarrow = parse_url(folder).scheme in BY_PYARROW
    spelled = place.replace("%", "%25").replace("?", "%3F") if by_pyarrow else place
    return _related(folder, lambda base: f"{base.rstrip('/')}/{spelled}")


def first_parts(url: str, count: int) -> str:
    """Return the URL of the folder that the first so many parts of a URL's path name."""
    return _related(url, lambda place: "/".join([*place.split("/")[: 3 + count], ""]))


def _related(url: str, change: Callable[[str], str]) -> str:
    """Return a URL whose part before the query is changed; its secrets are kept as the URL's."""

    def changed(given: str) -> str:
        place, mark, query = given.partition("?")
        return f"{change(place)}{mark}{query}"

    related, given = changed(url), with_secrets(url)
    _keep(related, changed(given))
    return related


def state_path(url: str) -> Path:
    """Return where on this machine a run keeps what belongs to a URL: journal, lock, table.

    In `$SCORER_STATE`, else in the user's folder for state. Raises `UsageError` where there is
    none.
    """
    digest = hashlib.sha256(url.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return _state_folder().absolute() / f"{digest}-{name_of(url)}"


def _state_folder() -> Path:
    given, base = os.environ.get(STATE), os.environ.get("XDG_STATE_HOME")
    if given or base:
        return Path(given or f"{base}/scorer")
    try:
        return Path.home() / ".local" / "state" / "scorer"
    except RuntimeError:  # a user whom the system does not know, as in a container
        raise UsageError(
            "there is no home folder for what a run keeps on this machine",
            f"The environment variable {STATE} names another folder",
        ) from None
