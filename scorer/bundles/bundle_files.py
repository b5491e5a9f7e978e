"""A bundle as a folder: written once, verified whole before anything is built from it.

    bundle.json          format, digest of the content, and the content: classes, text rules, model,
                         training facts, metrics, size and sha256 of every other file
    weights.safetensors  float16; since version 5 the embedding in 8 bits (see `weights`)
    vocabulary.txt       a token a line, line number = id
    pieces.parquet       what the encoder remembers from training
    golden.csv           fixed texts with the probabilities they must get
    history.csv          a row an epoch
    report.html          for people
    linear.safetensors   the linear term beside the network, where there is one (version 2)
    ngrams.txt           the n-grams that unknown tokens have in it, one a line (version 3)
    tokeniser.json       the rules of spaCy's tokeniser (version 4; else the installed one's)

To change the format: raise FORMAT_VERSION, keep a reader for the older one, and test it.
Knows files, their digests and the manifest; what the others hold is in `contents`. Knows nothing of
training or of stores. Nothing is ever unpickled.
"""

import csv
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_origin

import pyarrow as pa
from safetensors import SafetensorError

from scorer.bundles.bundle import REMEDY, Bundle, Facts, one_line
from scorer.bundles.contents import LINEAR, NGRAMS, TOKENISER, from_contents, to_contents
from scorer.errors import BundleError, ScorerError
from scorer.network.model import ModelConfig
from scorer.tokens.text import TextRules

FORMAT_VERSION = 6
OLDER_VERSIONS = (1, 2, 3, 4, 5)  # without what came later; else as today
MANIFEST = "bundle.json"
FILES = (
    "weights.safetensors",
    "vocabulary.txt",
    "pieces.parquet",
    "golden.csv",
    "history.csv",
    "report.html",
)
OPTIONAL = {LINEAR: 2, NGRAMS: 3, TOKENISER: 4}  # files that bundles since this version may have
CREATED = r"[0-9]{8}T[0-9]{6}Z"
MAX_MANIFEST_BYTES = 16 << 20
DAMAGE = (KeyError, TypeError, ValueError, OSError, csv.Error, SafetensorError, pa.ArrowException)
MAX_TEMPERATURE = 1000


def write_bundle(bundle: Bundle, folder: Path) -> None:
    """Write the bundle's files into a new folder."""
    folder.mkdir(parents=True)
    contents = to_contents(bundle)
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    (folder / MANIFEST).write_text(_manifest(bundle.facts, contents), encoding="utf-8")


def bundle_version(created: str, digest: str) -> str:
    """Return the name of a version: UTC time and the first 8 hex digits of the digest."""
    return f"{created}-{digest[:8]}"


def _manifest(facts: Facts, contents: Mapping[str, bytes]) -> str:
    files = {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in contents.items()
    }
    content = {**asdict(facts), "files": files}
    manifest = {
        "format_version": FORMAT_VERSION,
        "created": datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"),
        "digest": _digest(content),
        "content": content,
    }
    return json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"


def _digest(content: Mapping[str, Any]) -> str:
    """Return the sha256 of the content; through the files' digests it covers every byte."""
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def load_bundle(folder: Path) -> Bundle:
    """Verify a bundle folder and load it.

    The format version is checked first, then names, sizes and digests of all files, then they are
    read. Raises `BundleError` naming the file or field that is wrong.
    """
    try:
        manifest = _read_manifest(folder)
        content = manifest["content"]
        data = _verified_files(folder, content["files"])
        digest, created = manifest["digest"], manifest["created"]
    except OSError as error:
        raise BundleError(f"cannot read {error.filename}: {error.strerror}", REMEDY) from error
    try:
        version = bundle_version(created, digest)
        bundle = from_contents(_facts(content), data, version, digest)
    except ScorerError as error:
        raise BundleError(f"{folder}: {error}") from error
    except DAMAGE as error:
        raise BundleError(f"{folder}: {type(error).__name__}: {one_line(error)}", REMEDY) from error
    return bundle


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not folder.is_dir():
        raise BundleError(f"there is no folder {folder.absolute()}", REMEDY)
    if not path.is_file():
        raise BundleError(f"{folder} is not a bundle: it has no {MANIFEST}", REMEDY)
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise BundleError(f"{path} is {path.stat().st_size} bytes long, which no bundle's is")
    try:
        manifest: dict[str, Any] = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path} is not JSON: {error}", REMEDY) from error
    _check_manifest(manifest, path)
    return manifest


def _check_manifest(manifest: Any, path: Path) -> None:
    version = manifest.get("format_version") if isinstance(manifest, dict) else None
    known = (*OLDER_VERSIONS, FORMAT_VERSION)
    if version not in known or isinstance(version, bool):
        raise BundleError(
            f"{path}: format version {version!r}, this program reads {FORMAT_VERSION} and older",
            "A newer version of this program may read it",
        )
    _check_names(manifest, {"format_version", "created", "digest", "content"}, str(path))
    content = manifest["content"]
    _check_names(content, {*(field.name for field in fields(Facts)), "files"}, f"{path}: content")
    if manifest["digest"] != _digest(content):
        raise BundleError(f"{path} was changed after it was written: its digest differs", REMEDY)
    if not re.fullmatch(CREATED, str(manifest["created"])):
        raise BundleError(f"{path}: created is {manifest['created']!r}, not a UTC time", REMEDY)
    _check_names(content["files"], _file_names(content["files"], version), f"{path}: files")
    for name, entry in content["files"].items():
        _check_names(entry, {"bytes", "sha256"}, f"{path}: files: {name}")


def _file_names(files: Any, version: int) -> set[str]:
    """Return the files a bundle of this version has, one with this manifest."""
    found = files if isinstance(files, dict) else {}
    return {
        *FILES,
        *(name for name, since in OPTIONAL.items() if version >= since and name in found),
    }


def _check_names(found: Any, expected: set[str], where: str) -> None:
    if not isinstance(found, dict):
        raise BundleError(f"{where} is not an object", REMEDY)
    unknown, missing = sorted(set(found) - expected), sorted(expected - set(found))
    if unknown:
        raise BundleError(f"{where}: unknown {', '.join(unknown)}", REMEDY)
    if missing:
        raise BundleError(f"{where}: missing {', '.join(missing)}", REMEDY)


def _verified_files(folder: Path, files: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the bytes of every file, all of them as the manifest says; none more, none less."""
    extra = sorted({path.name for path in folder.iterdir()} - {MANIFEST, *files})
    if extra:
        raise BundleError(f"{folder}: {', '.join(extra)} is not of this bundle", REMEDY)
    return {name: _verified(folder / name, files[name]) for name in files}


def _verified(path: Path, expected: Mapping[str, Any]) -> bytes:
    if path.is_symlink() or not path.is_file():
        raise BundleError(f"{path} is missing or not a regular file", REMEDY)
    size = path.stat().st_size
    if size != expected["bytes"]:
        raise BundleError(f"{path} has {size} bytes, not {expected['bytes']}", REMEDY)
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != expected["sha256"]:
        raise BundleError(f"{path} was changed or damaged: its digest differs", REMEDY)
    return data


def _facts(content: Mapping[str, Any]) -> Facts:
    values = {name: value for name, value in content.items() if name != "files"}
    values["classes"] = tuple(values["classes"])
    rules = {"other_spellings": False, **values["rules"]}  # before version 6 there were none
    values["rules"] = _of_kind(TextRules, rules, "rules")
    values["model"] = _of_kind(ModelConfig, values["model"], "model")
    facts: Facts = _of_kind(Facts, values, "content")
    if len(set(facts.classes)) != len(facts.classes) or len(facts.classes) != facts.model.classes:
        raise BundleError(f"classes are {facts.classes}, the model has {facts.model.classes}")
    if not 0 < facts.temperature <= MAX_TEMPERATURE:
        raise BundleError(
            f"temperature is {facts.temperature!r:.20}, not above 0 and at most {MAX_TEMPERATURE}"
        )
    return facts


def _of_kind(kind: Any, values: Any, where: str) -> Any:
    """Return a dataclass made of exactly its fields, each of the field's type."""
    _check_names(values, {field.name for field in fields(kind)}, where)
    for field in fields(kind):
        expected: Any = get_origin(field.type) or field.type
        value = values[field.name]
        if not isinstance(value, (int, float) if expected is float else expected):
            raise BundleError(f"{where}: {field.name} is {value!r}, not a {expected}", REMEDY)
    return kind(**values)
