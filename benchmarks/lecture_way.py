"""Prediction as the lecture has it (STAT453 L15.7), with any bundle: the thing to beat.

pandas reads the file whole, `[t.text for t in nlp.tokenizer(text)]`, a dictionary look-up, one
packed sequence at a time, softmax. Texts go through the bundle's text rules first and logits over
its temperature, so that the numbers are those of the scoring job. Knows nothing of batches.
"""

from collections.abc import Iterable
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pyarrow as pa
import spacy
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.store import resolve_bundle
from scorer.tokens.text import normalise
from scorer.tokens.vocabulary import UNKNOWN_ID


class LectureWay:
    """A bundle's model, called as in the lecture."""

    def __init__(self, bundle: Bundle, device: str = "cpu") -> None:
        self._bundle = bundle
        self._device = torch.device(device)
        self._model = bundle.model().to(self._device)
        self._nlp = spacy.blank(bundle.rules.language)
        self._ids = {token: i for i, token in enumerate(bundle.vocabulary.tokens)}

    def probabilities(self, texts: Iterable[str | None]) -> np.ndarray:
        """Return float32 (texts, classes); NaN for a text without a token."""
        column = normalise(pa.array(texts, pa.large_string()), self._bundle.rules)
        return np.array([self.of_one(text.as_py() or "") for text in column], np.float32)

    def of_one(self, text: str) -> list[float]:
        """Return the class probabilities of a normalised text."""
        tokens = [token.text for token in self._nlp.tokenizer(text)]
        if not tokens:
            return [float("nan")] * len(self._bundle.classes)
        if self._bundle.rules.other_spellings:
            tokens = list(map(self._bundle.vocabulary.known_spelling, tokens))
        ids = torch.tensor([[self._ids.get(token, UNKNOWN_ID) for token in tokens]])
        with torch.no_grad():
            logits = self._logits(ids, torch.tensor([len(tokens)]))
            return torch.softmax(logits / self._bundle.temperature, dim=1)[0].tolist()

    def _logits(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        embedded = self._model.embedding(ids.to(self._device))
        packed = pack_padded_sequence(embedded, lengths, batch_first=True)
        states, _ = pad_packed_sequence(self._model.recurrent(packed)[0], batch_first=True)
        return self._model.output(self._model.pool(states, lengths.to(self._device)))


@click.command()
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--bundle", help="Bundle folder; else the one that is shipped.")
@click.option("--text-column", help="Else the bundle's.")
def main(source: Path, target: Path, bundle: str | None, text_column: str | None) -> None:
    """Score the CSV file SOURCE; write its columns and the probabilities to the Parquet TARGET."""
    loaded = load_bundle(resolve_bundle(bundle))
    frame = pd.read_csv(source)
    texts = frame[text_column or loaded.text_column].astype(object)
    found = LectureWay(loaded).probabilities(texts.where(texts.notna(), None))
    for position, name in enumerate(loaded.classes):
        frame[f"probability_{name}"] = found[:, position]
    frame.to_parquet(target)


if __name__ == "__main__":
    main()
