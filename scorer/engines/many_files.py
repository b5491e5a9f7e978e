"""Many files in one run: one output for one input, one model for all, one file's failure its own.

    find_files       files, folders, globs and lists -> inputs with the outputs that mirror them
    score_files      each that is new or changed, in turn; what failed is named in the end

A manifest in the output folder remembers of each output its input, bundle and options: what is
unchanged is not scored again. Knows names and summaries, nothing of rows or models.
"""

import glob
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from scorer.errors import InputError, InterruptedRunError, ScorerError, UsageError
from scorer.files.fingerprint import fingerprint
from scorer.files.publish import locked, publish_text, writing
from scorer.files.urls import is_url
from scorer.scoring.summary import RunSummary
from scorer.tables.formats import FORMATS, READ_ONLY, SUFFIXES, format_of

MANIFEST, LOCK, SUMMARY = ".scorer-manifest.jsonl", ".scorer", "scorer-run.json"
LIST = "@"  # before the name of a file that lists inputs, one a line
URL_HINT = "A run of its own, with one IN and one OUT, reads or writes a URL"
SCORED, UNCHANGED, FAILED = "scored", "unchanged", "failed"


@dataclass(frozen=True)
class FilePair:
    """An input and where its output goes."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Outcome:
    """What became of an input; `error` and `exit_code` are those of one that failed."""

    source: str
    target: str
    status: str
    rows: int = 0
    error: str | None = None
    exit_code: int = 0


@dataclass(frozen=True)
class FilesSummary:
    """What became of all inputs, in their order."""

    outcomes: tuple[Outcome, ...]

    def of(self, status: str) -> list[Outcome]:
        """Return the outcomes of one status."""
        return [outcome for outcome in self.outcomes if outcome.status == status]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        counts = {status: len(self.of(status)) for status in (SCORED, UNCHANGED, FAILED)}
        rows = sum(outcome.rows for outcome in self.outcomes)
        return {**counts, "rows": rows, "files": [asdict(outcome) for outcome in self.outcomes]}


class FilesError(ScorerError):
    """Some of many files failed; the exit code is that of the first of them."""

    def __init__(self, summary: FilesSummary) -> None:
        failed = summary.of(FAILED)
        names = ", ".join(outcome.source for outcome in failed)
        super().__init__(
            f"{len(failed)} of {len(summary.outcomes)} files failed: {names}",
            "The same command does those again, and only those",
        )
        self.exit_code = failed[0].exit_code
        self.summary = summary


def is_many(sources: Sequence[str]) -> bool:
    """Return whether these inputs are more than one plain file or stream."""
    return len(sources) > 1 or any(
        source.startswith(LIST) or Path(source).is_dir() or _is_glob(source) for source in sources
    )


def _is_glob(source: str) -> bool:
    return not is_url(source) and glob.has_magic(source) and not Path(source).exists()


def find_files(
    sources: Sequence[str], target: Path, output_format: str | None = None
) -> list[FilePair]:
    """Return each input with its output below the folder `target`.

    Files below a folder or a glob keep their place below it, partitions (`day=1/…`) too. Raises
    `InputError` where nothing is found, `UsageError` for two inputs with one output.
    """
    if not target.is_dir() and (target.exists() or _is_table_name(target) or str(target) == "-"):
        raise UsageError(f"{target} is no folder", "The outputs of many files go into a folder")
    pairs = [
        FilePair(path, target / _output_name(path.relative_to(base), output_format))
        for path, base in _found(sources, target)
    ]
    by_target: dict[Path, Path] = {}
    for pair in pairs:
        other = by_target.setdefault(pair.target, pair.source)
        if other != pair.source:
            raise UsageError(f"{other} and {pair.source} would both become {pair.target}")
    if not pairs:
        raise InputError(f"no CSV or Parquet file is in {', '.join(sources)}")
    return list(dict.fromkeys(pairs))


def _found(sources: Sequence[str], target: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each input and the folder that its place is relative to."""
    for source in sources:
        if is_url(source):
            raise UsageError("many files are files of this machine, one is a URL", URL_HINT)
        path = Path(source)
        if source.startswith(LIST):
            listed = Path(source[len(LIST) :])
            with writing(listed):
                lines = listed.read_text(encoding="utf-8").splitlines()
            yield from _found([line for line in lines if line.strip()], target)
        elif path.is_dir():
            inside = sorted(file for file in path.rglob("*") if _is_table(file, target))
            yield from ((file, path) for file in inside)
        elif _is_glob(source):
            base = _base_of(source)
            matches = sorted(base.glob(str(Path(source).relative_to(base))))
            yield from ((file, base) for file in matches if _is_table(file, target))
        else:
            yield path, path.parent


def _is_table(path: Path, target: Path) -> bool:
    """Return whether a file is a table by its name, and none that a run has written."""
    hidden = any(part.startswith(".") and part not in (".", "..") for part in path.parts)
    written = target in path.parents or path.name.endswith(".rejects.csv")
    return path.is_file() and _is_table_name(path) and not hidden and not written


def _is_table_name(path: Path) -> bool:
    return any(path.name.lower().endswith(f".{suffix}") for suffix in SUFFIXES)


def _base_of(pattern: str) -> Path:
    """Return the folders before the first one that is a pattern."""
    parts = Path(pattern).parts
    plain = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:plain]) if plain else Path()


def _output_name(path: Path, output_format: str | None) -> Path:
    """Return the place of an output: the input's, with the ending of another format if asked."""
    if output_format is None and format_of(str(path)).compression == READ_ONLY:
        output_format = "csv.gz"  # a zip archive is read, not written
    if output_format is None:
        return path
    if output_format not in FORMATS:
        raise UsageError(f"there is no format {output_format!r}; there are: {', '.join(FORMATS)}")
    lower = path.name.lower()
    endings = (ending for ending in sorted(SUFFIXES, key=len, reverse=True))
    ending = next((ending for ending in endings if lower.endswith(f".{ending}")), "")
    return path.with_name(f"{path.name[: len(path.name) - len(ending)]}{output_format}")


def score_files(
    pairs: Sequence[FilePair],
    target: Path,
    binding: str,
    score: Callable[[FilePair, bool], RunSummary],
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
) -> FilesSummary:
    """Score each input that is new or changed since its output was made; return what became of all.

    binding: a digest of bundle and options, which another one of makes outputs anew. score: scores
    a pair (replacing an output of an earlier run if the flag says so); a `ScorerError` of it is
    that file's failure, an interruption ends the run. Raises `OutputBusyError` where another run
    holds the folder, `FilesError` where files failed.
    """
    with writing(target):
        target.mkdir(parents=True, exist_ok=True)
    with locked(target / LOCK):
        manifest = _Manifest(target / MANIFEST, binding)
        outcomes = []
        for pair in pairs:
            outcomes.append(_score_one(pair, manifest, score))
            on_outcome(outcomes[-1])
        manifest.compact()
        summary = FilesSummary(tuple(outcomes))
        publish_text(target / SUMMARY, json.dumps(summary.as_dict(), indent=1) + "\n")
    if summary.of(FAILED):
        raise FilesError(summary)
    return summary


def _score_one(
    pair: FilePair, manifest: "_Manifest", score: Callable[[FilePair, bool], RunSummary]
) -> Outcome:
    outcome = Outcome(str(pair.source), str(pair.target), SCORED)
    known = manifest.rows_of(pair)
    if known is not None:
        return replace(outcome, status=UNCHANGED, rows=known)
    try:
        with writing(pair.target):
            pair.target.parent.mkdir(parents=True, exist_ok=True)
        before = _stat_of(pair.source)
        summary = score(pair, manifest.has(pair))
        manifest.record(pair, before, summary)
    except InterruptedRunError:
        raise
    except ScorerError as error:
        return replace(outcome, status=FAILED, error=str(error), exit_code=error.exit_code)
    return replace(outcome, rows=summary.provenance.rows.written)


def _stat_of(path: Path) -> tuple[int, int]:
    """Return size and time of change. Raises `InputError`."""
    try:
        found = path.stat()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    return found.st_size, found.st_mtime_ns


class _Manifest:
    """What the outputs in a folder were made from; a line of JSON each, the last one counts."""

    def __init__(self, path: Path, binding: str) -> None:
        self._path, self._binding = path, binding
        self._entries: dict[str, dict[str, Any]] = {}
        if path.is_file():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                self._read(line)

    def _read(self, line: str) -> None:
        try:
            entry = json.loads(line)
            self._entries[entry["target"]] = entry
        except (ValueError, TypeError, KeyError):
            return  # a line that was cut off: its file is scored again

    def has(self, pair: FilePair) -> bool:
        """Return whether the output is one that an earlier run has made here."""
        return str(pair.target) in self._entries

    def rows_of(self, pair: FilePair) -> int | None:
        """Return the rows of an output that is there and up to date; None for any other."""
        entry = self._entries.get(str(pair.target))
        if entry is None or entry["binding"] != self._binding or not pair.source.is_file():
            return None
        if not pair.target.is_file() or pair.target.stat().st_size != entry["output_bytes"]:
            return None
        same = entry["source"] == str(pair.source.absolute())
        if not same or (*_stat_of(pair.source),) != (entry["size"], entry["changed"]):
            found = fingerprint(pair.source)
            if found is None or found.sha256 != entry["sha256"]:
                return None
        return int(entry["rows"])

    def record(self, pair: FilePair, stat: tuple[int, int], summary: RunSummary) -> None:
        """Add a finished output, on the disk at once: a killed run goes on after it."""
        entry = {
            "source": str(pair.source.absolute()),
            "target": str(pair.target),
            "binding": self._binding,
            "size": stat[0],
            "changed": stat[1],
            "sha256": summary.provenance.input.sha256,
            "output_bytes": summary.output_bytes,
            "rows": summary.provenance.rows.written,
        }
        self._entries[str(pair.target)] = entry
        with writing(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def compact(self) -> None:
        """Write one line for each output that is still there."""
        there = [entry for entry in self._entries.values() if Path(entry["target"]).is_file()]
        publish_text(self._path, "".join(json.dumps(entry) + "\n" for entry in there))
