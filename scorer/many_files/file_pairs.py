"""Which files a run of many scores, each with the output that mirrors it.

    in                  the tables below a folder; partitions (day=1/…) are kept
    'in/**/*.parquet'   a glob
    @list.txt           a file that lists inputs, one a line
    a.csv b.csv         files by their names

Each of them, and the folder of the outputs, may be behind a URL. One that leads to no table is an
input too, with the error that it fails with. Knows names, nothing of rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from scorer.errors import InputError, ScorerError, UsageError
from scorer.files.byte_streams import STANDARD_STREAM, open_file
from scorer.files.fingerprint import check_readable
from scorer.files.listing import (
    FileState,
    FoundFile,
    is_folder,
    is_missing,
    is_pattern,
    list_files,
    match_files,
)
from scorer.files.publish import real_path
from scorer.files.urls import (
    Location,
    below,
    hide_secrets,
    is_url,
    location,
    name_of,
    without_secrets,
)
from scorer.tables.formats import (
    ALL_SUFFIXES,
    FORMATS,
    READ_ONLY,
    READ_SUFFIXES,
    SUFFIXES,
    format_of,
)

LIST = "@"  # before the name of a file that lists inputs, one a line
REJECTS = ".rejects.csv"
KEPT_FOLDERS = frozenset({"_delta_log", "_change_data", "_temporary", "_spark_metadata"})


@dataclass(frozen=True)
class FilePair:
    """An input, where its output goes, and the input's state, if it was looked at.

    error: of an input that leads to no table; it has no output.
    """

    source: Location
    target: Location
    place: PurePosixPath  # of the output below its folder
    state: FileState | None = field(default=None, compare=False)
    error: ScorerError | None = field(default=None, compare=False)


def is_many(sources: Sequence[str], target: str) -> bool:
    """Return whether these inputs are more than one plain file or stream.

    False where it cannot be reached: the run of the one file says why.
    """
    if len(sources) > 1 or sources[0].startswith(LIST):
        return True
    with suppress(ScorerError, OSError):
        source = hide_secrets(sources[0])
        return is_pattern(source) or _is_folder(source) or _is_nowhere(source, target)
    return False


def _is_folder(source: str) -> bool:
    """Return whether an input is a folder; an object that is called a table is not asked for."""
    folder_called = source.partition("?")[0].endswith("/")
    named = is_url(source) and _is_table_name(name_of(source)) and not folder_called
    return not named and is_folder(source)


def _is_nowhere(source: str, target: str) -> bool:
    """Return whether what is not called a table is not there, with a folder as output."""
    if _is_table_name(name_of(source)) or _is_table_name(name_of(target)):
        return False
    if not is_url(source):
        named = {source, target}.isdisjoint({STANDARD_STREAM, ""})
        return named and not Path(source).exists()
    return is_missing(source)


def find_files(
    sources: Iterable[str], target: Location, output_format: str | None = None
) -> list[FilePair]:
    """Return each input with its output below the folder `target`.

    Files below a folder or a glob keep their place below it. Where no input leads to a table, the
    error of the first one is raised; `UsageError` for two inputs with one output.
    """
    pairs = [pair for given in sources for pair in _pairs(given, target, output_format)]
    errors = [pair.error for pair in pairs if pair.error is not None]
    if len(errors) == len(pairs):
        raise errors[0] if errors else InputError("there is no input")
    _check_folder(target)
    by_target: dict[Location, Location] = {}
    for pair in (pair for pair in pairs if pair.error is None):
        other = by_target.setdefault(pair.target, pair.source)
        if other != pair.source:
            raise UsageError(f"{other} and {pair.source} would both become {pair.target}")
    return list(dict.fromkeys(pairs))


def _pairs(
    given: str, target: Location, output_format: str | None, lists: tuple[str, ...] = ()
) -> Iterator[FilePair]:
    """Yield each file that an input leads to; one with its error where it leads to none.

    lists: those that the input is named by.
    """
    try:
        source = _hidden(given)
        if source in lists:
            raise InputError(f"the list {source[len(LIST) :]} lists itself")
        if source.startswith(LIST):
            for line in _listed(source[len(LIST) :]):
                yield from _pairs(line, target, output_format, (*lists, source))
            return
        pairs = [_pair(found, target, output_format) for found in _found(source, target)]
        if not pairs:
            raise InputError(f"no CSV or Parquet file is in {source}")
        yield from pairs
    except ScorerError as error:
        shown = without_secrets(given)
        yield FilePair(location(shown), target, PurePosixPath(shown), error=error)


def _pair(found: FoundFile, target: Location, output_format: str | None) -> FilePair:
    place = _output_name(found.place, output_format)
    return FilePair(found.location, below(target, place), PurePosixPath(place), found.state)


def _check_folder(target: Location) -> None:
    """Raise `UsageError` for outputs that would go into a file."""
    if isinstance(target, Path) and target.is_dir():
        return
    exists = isinstance(target, Path) and target.exists()
    if exists or _is_table_name(name_of(target)) or str(target) == STANDARD_STREAM:
        raise UsageError(f"{target} is no folder", "The outputs of many files go into a folder")


def _hidden(source: str) -> str:
    """Return an input as it may be shown."""
    if source.startswith(LIST):
        return LIST + hide_secrets(source[len(LIST) :])
    return hide_secrets(source)


def _found(source: str, target: Location) -> list[FoundFile]:
    """Return the files of an input, with their places below its folder, or the glob's first ones.

    Raises `InputError` for one that is not there and is not called a table.
    """
    if is_pattern(source):
        return [file for file in match_files(source) if _is_table(file, target)]
    if _is_folder(source):
        return [file for file in list_files(location(source)) if _is_table(file, target)]
    if is_url(source) and _is_nowhere(source, ""):
        raise InputError(f"cannot read {source}: nothing is there")
    path = location(source)
    if isinstance(path, Path) and not _is_table_name(path.name):
        check_readable(path)
    return [FoundFile(path, PurePosixPath(name_of(path)))]


def _listed(path: str) -> list[str]:
    """Return the inputs that a file lists. Raises `InputError`."""
    with open_file(path) as file:
        content = file.read()
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"cannot read {path}: a list is a text in UTF-8") from None
    named = [line for line in lines if line.strip()]
    if not named:
        raise InputError(f"no CSV or Parquet file is in {LIST}{path}")
    return named


def _is_table(file: FoundFile, target: Location) -> bool:
    """Return whether a file is a table by its name, and none that a program keeps for itself.

    Such as what a run has written, a log of Delta Lake, or what a Spark job has not finished.
    """
    parts = file.place.parts
    hidden = any(part.startswith(".") or part in KEPT_FOLDERS for part in parts)  # or out of OUT
    named = _is_table_name(file.place.name) and not file.place.name.endswith(REJECTS)
    return named and not hidden and not _is_output(file, target)


def _is_output(file: FoundFile, target: Location) -> bool:
    """Return whether a file is below OUT, and OUT in the folder that the file was found by.

    In whatever spelling and through links. A folder of inputs that is itself below OUT is no
    output.
    """
    found, depth = file.location, len(file.place.parts)
    if isinstance(found, Path) and isinstance(target, Path):
        folder, out = real_path(found.absolute().parents[depth - 1]), real_path(target)
        return _is_within(out, folder) and _is_within(real_path(found.parent), out)
    if isinstance(found, Path) or isinstance(target, Path):
        return False
    folder_url = found.partition("?")[0].rsplit("/", depth)[0] + "/"
    out_url = str(below(target, "")).partition("?")[0]
    return out_url.startswith(folder_url) and found.startswith(out_url)


def _is_within(path: Path, folder: Path) -> bool:
    return folder == path or folder in path.parents


def _is_table_name(name: str) -> bool:
    return any(name.lower().endswith(f".{suffix}") for suffix in SUFFIXES)


def _output_name(place: PurePosixPath, output_format: str | None) -> str:
    """Return the place of an output: the input's, with the ending of another format if asked."""
    ending = _ending(place.name)
    output_format = output_format or _written_instead(place, ending)
    if output_format is None:
        return str(place)
    if output_format not in FORMATS:
        raise UsageError(f"there is no format {output_format!r}; there are: {', '.join(FORMATS)}")
    name = f"{place.name[: len(place.name) - len(ending)]}{output_format}"
    return str(place.with_name(name))


def _ending(name: str) -> str:
    """Return what a name says of its format; "" if nothing."""
    endings = sorted(ALL_SUFFIXES, key=len, reverse=True)
    return next((ending for ending in endings if name.lower().endswith(f".{ending}")), "")


def _written_instead(place: PurePosixPath, ending: str) -> str | None:
    """Return the format that is written for one that is only read; None for any other."""
    known = format_of(str(place))
    if known.compression == READ_ONLY:
        return f"{known.kind}.gz"
    return ending.replace("json", "jsonl") if ending in READ_SUFFIXES else None
