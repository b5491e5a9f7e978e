"""What is in each file of a bundle, as bytes: its parts written, and read again.

Knows the parts of a bundle and their formats, nothing of the folder they are kept in or of which
files are whole (`bundle_files`). Nothing is ever unpickled.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from scorer.bundles.bundle import REMEDY, Bundle, Facts
from scorer.bundles.golden import GoldenRows
from scorer.bundles.weights import pack, unpack
from scorer.errors import BundleError
from scorer.network.linear import LinearTerm
from scorer.tokens.piece_cache import CachedPieces
from scorer.tokens.tokeniser_rules import TokeniserRules
from scorer.tokens.vocabulary import Vocabulary

LINEAR, NGRAMS, TOKENISER = "linear.safetensors", "ngrams.txt", "tokeniser.json"


def to_contents(bundle: Bundle) -> dict[str, bytes]:
    """Return the bytes of each file, by its name."""
    optional = {}
    if bundle.linear is not None:
        optional[LINEAR] = save_arrays(bundle.linear.to_tensors())
    if bundle.vocabulary.ngrams:
        optional[NGRAMS] = _lines(bundle.vocabulary.ngrams)
    if bundle.tokeniser_rules is not None:
        optional[TOKENISER] = bundle.tokeniser_rules.to_json()
    return {
        "weights.safetensors": save_tensors(pack(bundle.weights)),
        "vocabulary.txt": _lines(bundle.vocabulary.tokens),
        "pieces.parquet": bundle.cached_pieces.to_parquet(),
        "golden.csv": _to_golden(bundle.golden, bundle.classes),
        "history.csv": _csv(list(bundle.history[0]), bundle.history),
        "report.html": bundle.report.encode(),
        **optional,
    }


def from_contents(facts: Facts, data: Mapping[str, bytes], version: str, digest: str) -> Bundle:
    """Return the bundle of these facts and files. Raises `BundleError` for parts that do not fit.

    And whatever the libraries raise that read the files.
    """
    table = pq.ParquetFile(io.BytesIO(data["pieces.parquet"])).read()  # imports less than the usual
    ngrams = _from_lines(data.get(NGRAMS, b""))
    vocabulary = Vocabulary(_from_lines(data["vocabulary.txt"]), ngrams)
    if len(vocabulary) != facts.model.vocabulary_size:
        raise BundleError(
            f"vocabulary.txt has {len(vocabulary)} tokens, the model {facts.model.vocabulary_size}",
            REMEDY,
        )
    return Bundle(
        facts=facts,
        weights=unpack(load_tensors(data["weights.safetensors"])),
        vocabulary=vocabulary,
        cached_pieces=CachedPieces.from_table(table),
        golden=_from_golden(data["golden.csv"].decode(), facts.classes),
        history=_history(data["history.csv"].decode()),
        report=data["report.html"].decode(),
        version=version,
        digest=digest,
        linear=_linear(data.get(LINEAR), facts, len(ngrams)),
        tokeniser_rules=TokeniserRules.from_json(data[TOKENISER]) if TOKENISER in data else None,
    )


def _linear(data: bytes | None, facts: Facts, ngrams: int) -> LinearTerm | None:
    """Return the linear term, which has to fit the vocabulary and the classes."""
    if data is None and not ngrams:
        return None
    if data is None:
        raise BundleError(f"{NGRAMS} is of no use without {LINEAR}", REMEDY)
    term = LinearTerm.from_tensors(load_arrays(data))
    sizes = (len(term.terms.words), len(term.intercepts))
    ids = sizes[0] if term.subwords is None else len(term.subwords.sizes)
    tokens, classes = facts.model.vocabulary_size, facts.model.classes
    if sizes != (tokens, classes) or ids != tokens + ngrams:
        raise BundleError(f"{LINEAR} is of another vocabulary or of other classes", REMEDY)
    return term


def _to_golden(golden: GoldenRows, classes: Sequence[str]) -> bytes:
    columns = ["text", *(f"probability_{name}" for name in classes)]
    rows = [
        dict(zip(columns, (text, *map(float, row)), strict=True))
        for text, row in zip(golden.texts, golden.probabilities, strict=True)
    ]
    return _csv(columns, rows)


def _from_golden(text: str, classes: Sequence[str]) -> GoldenRows:
    rows = list(csv.DictReader(io.StringIO(text)))
    if not rows:
        raise BundleError("golden.csv has no row", REMEDY)
    probabilities = [[float(row[f"probability_{name}"]) for name in classes] for row in rows]
    return GoldenRows(tuple(row["text"] for row in rows), np.array(probabilities, np.float32))


def _history(text: str) -> list[dict[str, float]]:
    rows = csv.DictReader(io.StringIO(text))
    return [{name: float(value) for name, value in row.items()} for row in rows]


def _csv(columns: list[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _lines(texts: Sequence[str]) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def _from_lines(data: bytes) -> tuple[str, ...]:
    return tuple(data.decode().removesuffix("\n").split("\n")) if data else ()
