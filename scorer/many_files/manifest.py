"""What the outputs in a folder were made from: a line of JSON each, the last one counts.

    OUT/.scorer-manifest.jsonl    a folder of this machine: grows with each output
    the same behind a URL         written at the start, every minute and in the end; until then the
                                  lines stand on this machine (`remote_files.kept_here`)

An output is claimed before any is made. So one that a killed run has left is known for what it is,
on another machine too; any other run takes its claims back in the end, as what appears there later
is not its own. Outputs are named by their places below the folder, which may be given in several
spellings. Knows names, sizes and digests, nothing of rows.
"""

import json
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from scorer.errors import ScorerError
from scorer.files.fingerprint import fingerprint
from scorer.files.listing import FileState, is_missing, list_files, state_of
from scorer.files.publish import writing
from scorer.files.remote_files import kept_here, publish_small, read_object
from scorer.files.urls import Location, absolute, below, companion, location
from scorer.many_files.file_pairs import FilePair
from scorer.scoring.destination import earlier_run
from scorer.scoring.summary import RunSummary

NAME = ".scorer-manifest.jsonl"
PUBLISH_SECONDS = 60  # between two manifests behind a URL
CLAIM = ""  # the binding of an output that is not made yet
OF_ALL = frozenset({"source", "binding", "size", "changed"})  # fields of every entry
OF_MADE = frozenset({"sha256", "output_bytes", "rows"})  # and of one that is no claim

Entry = dict[str, Any]
Place = PurePosixPath | str  # below the folder; text: of an output that is not known to be there


class Manifest:
    """The manifest of a folder that is locked; `binding` is a digest of bundle and options."""

    def __init__(self, folder: Location, binding: str) -> None:
        self._binding = binding
        self._final = below(folder, NAME)
        self._log = kept_here(self._final)  # of a folder of this machine: the manifest itself
        self._size_of = _sizes(folder)
        self._folder = folder
        published = read_object(self._final) if isinstance(self._final, str) else None
        known = _read(published, folder)
        kept = _read(self._log.read_bytes() if self._log.is_file() else None, folder)
        entries = _newest(known, kept)
        self._gone = {place for place in entries if self._is_gone(place)}
        self._entries = _without(entries, self._gone)
        self._known = set(self._entries)  # outputs of runs, this one's as they are made
        made = [entry for entry in self._entries.values() if entry["binding"] != CLAIM]
        self._sources = {entry["sha256"]: entry["source"] for entry in made if entry["rows"]}
        self._claimed: set[Place] = set()  # by this run, and not made yet
        self._dropped: set[Place] = set()  # claims that were taken back
        self._is_published, self._published_at = not kept.keys() - self._gone, 0.0

    def _is_gone(self, place: Place) -> bool:
        known = isinstance(place, PurePosixPath)
        return known and self._size_of(below(self._folder, str(place))) is None

    def claim(self, pairs: Iterable[FilePair]) -> None:
        """Note the outputs that are not there yet: what the next run finds there is this one's."""
        missing = [pair for pair in pairs if self._size_of(pair.target) is None]
        self._claimed |= {pair.place for pair in missing}
        self._append([self._entry(pair) for pair in missing])
        if missing and isinstance(self._final, str):
            self.publish()

    def twin_of(self, pair: FilePair, summary: RunSummary) -> str | None:
        """Return another input of the same bytes whose output is here; None without rows."""
        rows, sha256 = summary.provenance.rows.written, summary.provenance.input.sha256
        twin = self._sources.get(sha256) if rows else None
        return twin if twin != str(absolute(pair.source)) else None

    def keep_claim(self, pair: FilePair) -> None:
        """Keep the claim of an output that was published, or may have been, and not recorded."""
        with suppress(ScorerError):
            if state_of(pair.target) is None:
                return
        self._claimed.discard(pair.place)

    def has(self, pair: FilePair) -> bool:
        """Return whether an output is one that a run has made here, or an earlier one claimed.

        Behind a URL, two machines that write the manifest in one moment lose entries: then what
        stands beside the output tells.
        """
        return pair.place in self._known or self._is_made_of(pair)

    def _is_made_of(self, pair: FilePair) -> bool:
        """Return whether an object is the output of this very input, as its summary says."""
        if isinstance(pair.target, Path) or self._size_of(pair.target) is None:
            return False
        with suppress(ScorerError, KeyError, TypeError):
            made = earlier_run(read_object(companion(pair.target, "run.json")))
            read = location(made["input"]["path"]) if made else None
            return read is not None and absolute(read) == absolute(pair.source)
        return False

    def rows_of(self, pair: FilePair) -> int | None:
        """Return the rows of an output that is there and up to date; None for any other.

        Raises `InputError` for an input that cannot be read.
        """
        entry = self._entries.get(pair.place)
        if entry is None or entry["binding"] != self._binding:
            return None
        if self._size_of(pair.target) != entry["output_bytes"]:
            return None
        state = pair.state or state_of(pair.source)
        if state is None or not self._is_same(entry, pair, state):
            return None
        return int(entry["rows"])

    def _is_same(self, entry: Entry, pair: FilePair, state: FileState) -> bool:
        """Return whether an input is the one that was scored; if it is, its state is noted."""
        named = entry["source"] == str(absolute(pair.source))
        known = (entry["size"], entry["changed"])
        if named and state.changed is not None and (state.size, state.changed) == known:
            return True
        found = fingerprint(pair.source)
        if found is None or found.sha256 != entry["sha256"]:
            return False
        self._append([{**entry, **self._entry(pair, state), "binding": self._binding}])
        return True

    def record(self, pair: FilePair, state: FileState | None, summary: RunSummary) -> None:
        """Add a finished output, on the disk at once: a killed run goes on after it."""
        made = {
            "binding": self._binding,
            "sha256": summary.provenance.input.sha256,
            "output_bytes": summary.output_bytes,
            "rows": summary.provenance.rows.written,
        }
        self._claimed.discard(pair.place)
        self._append([{**self._entry(pair, state), **made}])
        self._known.add(pair.place)
        if made["rows"]:
            self._sources[made["sha256"]] = str(absolute(pair.source))
        due = time.monotonic() > self._published_at + PUBLISH_SECONDS
        if due and isinstance(self._final, str):
            with suppress(ScorerError):  # in the end it is tried again
                self.publish()

    def _entry(self, pair: FilePair, state: FileState | None = None) -> Entry:
        """Return what is said of every output; by itself it is a claim."""
        earlier = self._entries.get(pair.place, {})
        return {
            "source": str(absolute(pair.source)),
            "place": str(pair.place),
            "binding": CLAIM,
            "size": state.size if state else None,
            "changed": state.changed if state else None,
            "time": max(time.time(), _time_of(earlier)),  # clocks of machines differ, and go back
        }

    def _append(self, entries: list[Entry]) -> None:
        if not entries:
            return
        self._is_published = False
        self._entries |= {PurePosixPath(entry["place"]): entry for entry in entries}
        with writing(self._log), self._log.open("a", encoding="utf-8") as file:
            file.write(_lines(entries))
            file.flush()
            os.fsync(file.fileno())

    def publish(self) -> None:
        """Write one line for each output; behind a URL also for those that other runs have added.

        Raises `InputError`.
        """
        self._published_at = time.monotonic()
        entries = self._entries
        if isinstance(self._final, str):
            known = _without(_read(read_object(self._final), self._folder), self._gone)
            entries = _newest(_without_claims(known, self._dropped), entries)
        publish_small(self._final, _lines(entries.values()))

    def end(self) -> None:
        """Publish for the last time, without claims that came to nothing. Raises `InputError`."""
        self._dropped = self._claimed
        self._entries = _without_claims(self._entries, self._dropped)
        if not self._is_published or isinstance(self._final, Path):
            self.publish()
        if isinstance(self._final, str):
            self._log.unlink(missing_ok=True)


def _sizes(folder: Location) -> Callable[[Location], int | None]:
    """Return what knows the size of a file below a folder, None if it is not there.

    Behind a URL, all are listed at once.
    """
    if isinstance(folder, Path):

        def size_of(target: Location) -> int | None:
            with suppress(ScorerError):  # the run that writes it says why
                state = state_of(target)
                return state.size if state else None
            return None

        return size_of
    found = [] if is_missing(folder) else list_files(folder, strict=False)
    return {file.location: file.state.size for file in found if file.state}.get


def _read(content: bytes | None, folder: Location) -> dict[Place, Entry]:
    """Return the entries by their outputs; a line that is not whole is passed over."""
    entries: dict[Place, Entry] = {}
    for line in (content or b"").decode("utf-8", "replace").splitlines():
        with suppress(ValueError, TypeError, KeyError):
            entry = json.loads(line)
            if not _is_whole(entry):
                continue
            place = _place_of(entry, folder)
            entries[place] = entry if isinstance(place, str) else {**entry, "place": str(place)}
    return entries


def _is_whole(entry: Any) -> bool:
    """Return whether a line's value is an entry that says all that is read of it."""
    if not isinstance(entry, dict) or not isinstance(entry.get("time", 0), int | float):
        return False
    if entry.get("binding") == CLAIM:
        return entry.keys() >= OF_ALL
    return entry.keys() >= OF_ALL | OF_MADE and isinstance(entry["rows"], int)


def _place_of(entry: Entry, folder: Location) -> Place:
    """Return where an output is below the folder.

    Up to version 0.2.0 its path is noted as it was given; it is text where it leads elsewhere, as
    from another working folder. Such an entry is kept for a run from there.
    """
    if "place" in entry:
        return PurePosixPath(entry["place"])
    target = str(entry["target"])
    if isinstance(folder, Path) and absolute(folder) in Path(target).absolute().parents:
        return PurePosixPath(Path(target).absolute().relative_to(folder.absolute()))
    return target


def _without(entries: dict[Place, Entry], gone: set[Place]) -> dict[Place, Entry]:
    return {name: entry for name, entry in entries.items() if name not in gone}


def _without_claims(entries: dict[Place, Entry], names: set[Place]) -> dict[Place, Entry]:
    """Return the entries without the claims of some outputs; another run may have made them."""
    claims = {name for name in names & entries.keys() if entries[name]["binding"] == CLAIM}
    return _without(entries, claims)


def _newest(some: dict[Place, Entry], others: dict[Place, Entry]) -> dict[Place, Entry]:
    """Return the entries of both, of two for one output the later one."""
    later = {
        name: entry
        for name, entry in others.items()
        if name not in some or _time_of(some[name]) <= _time_of(entry)
    }
    return some | later


def _time_of(entry: Entry) -> float:
    return float(entry.get("time", 0))


def _lines(entries: Iterable[Entry]) -> str:
    return "".join(json.dumps(entry) + "\n" for entry in entries)
