"""Fixed texts and the probabilities a bundle must give them, on whatever machine it is loaded.

They notice changed weights, another machine's arithmetic and, for a bundle that caches no pieces,
another tokeniser before a row is scored. Knows texts and a predictor; nothing of files.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from scorer.errors import BundleError
from scorer.network.inference import Predictor
from scorer.tokens.encoding import Encoded

TOLERANCES = {"float32": 1e-4, "bfloat16": 0.03, "float16": 0.01, "int16": 0.005, "int8": 0.03}
TEXTS = (
    "This is such an awesome movie, I really love it!",
    "I really hate this movie. It is a bad movie and sucks!",
    "Good.",
    "bad",
    "The plot isn't much, but the acting's GREAT: 10/10 :-)",
    "Two hours of my life I won't get back...<br /><br />Avoid, avoid, avoid!!!",
    "It&#39;s &quot;fine&quot; &amp; that's it.",
    "qzxv wprtl ggnhq",
    "Très émouvant, mais trop long 😀👍🏽 — (sort of) 50% off @ http://example.com/a?b=c",
    "Not bad. Not good either. " * 20,
    "The first half is dull and badly lit. " * 12 + "Then it turns into a masterpiece. " * 12,
    "A wonderful cast, a superb script, and yet " * 30 + "I was bored to tears.",
)


@dataclass(frozen=True)
class GoldenRows:
    """Texts and float32 (texts, classes) probabilities."""

    texts: tuple[str, ...]
    probabilities: np.ndarray

    def encoded_by(self, predictor: Predictor) -> Encoded:
        """Return the texts' token ids."""
        return predictor.encode(pa.array(self.texts, pa.large_string()))

    def holds(self, predictor: Predictor) -> bool:
        """Return whether the predictor keeps within its precision's tolerance."""
        differences = self._differences(probabilities_of(self.texts, predictor))
        return bool(differences.max() <= TOLERANCES[predictor.precision])

    def check(self, predictor: Predictor) -> float:
        """Return the largest difference; raises `BundleError` beyond the precision's tolerance."""
        found = probabilities_of(self.texts, predictor)
        differences = self._differences(found)
        worst = int(differences.argmax())
        tolerance = TOLERANCES[predictor.precision]
        if not differences[worst] <= tolerance:
            raise BundleError(
                f"golden row {worst + 1} scores {found[worst].tolist()}, "
                f"not {self.probabilities[worst].tolist()} within {tolerance}",
                "The bundle, its tokeniser or this machine's arithmetic differ from where it was "
                "made; --precision float32 is the exact one",
            )
        return float(differences[worst])

    def _differences(self, found: np.ndarray) -> np.ndarray:
        """Return each text's largest difference: float32 (texts,), infinite for no probability."""
        differences = np.abs(found - self.probabilities).max(axis=1)
        return np.asarray(np.nan_to_num(differences, nan=np.inf))


def golden_rows(predictor: Predictor) -> GoldenRows:
    """Return the fixed texts with what the predictor gives them."""
    return GoldenRows(TEXTS, probabilities_of(TEXTS, predictor))


def probabilities_of(texts: tuple[str, ...], predictor: Predictor) -> np.ndarray:
    """Return float32 (texts, classes)."""
    return predictor.predict(predictor.encode(pa.array(texts, pa.large_string()))).probabilities
