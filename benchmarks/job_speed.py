"""The scoring job, CSV to Parquet and start-up apart, against the lecture's way and the limits."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from lecture_way import LectureWay
from measured import Figure, agree, median_seconds, per_second
from setting import Setting

from scorer.network.inference import Predictor

LECTURE_ROWS = 1000  # spread over the rows, as one at a time takes long
GOALS = {"float32": 3.0, "auto": 8.0}


class FreePredictor(Predictor):
    """Costs nothing but the encoding: what is left is reading, encoding and writing."""

    def logits(self, encoded):  # type: ignore[no-untyped-def]
        empty = encoded.lengths[:, None] == 0
        return np.where(empty, np.nan, np.zeros((1, len(self.classes)), np.float32))


def against_the_lecture(setting: Setting) -> list[Figure]:
    """float32 must be equal to 1e-5, `auto` of the same class on 99.9% of the rows."""
    lecture = LectureWay(setting.bundle)
    last = min(setting.rows, len(setting.texts)) - 1
    rows = np.linspace(0, last, min(LECTURE_ROWS, last + 1), dtype=int)
    texts = setting.texts.take(pa.array(rows)).to_pylist()
    expected = lecture.probabilities(texts)
    rate = len(texts) / median_seconds(setting.repeats, lambda: lecture.probabilities(texts))
    figures, exact = [Figure("lecture's way", per_second(rate, "rows"))], np.empty(0)
    for precision, goal in GOALS.items():
        predictor, target = setting.predictor(precision), setting.folder / f"{precision}.parquet"
        elapsed = median_seconds(setting.repeats, setting.job(setting.source, target, predictor))
        found = setting.probabilities(target)
        if precision == "float32":
            exact = found
            agree("float32", np.nanmax(np.abs(found[rows] - expected)) <= 1e-5)
        same = (found.argmax(axis=1) == exact.argmax(axis=1)).mean()
        agree(f"{precision}: same class on {same:.3%} of the rows", same >= 0.999)
        name = f"job, {precision} ({predictor.precision}), same class {same:.2%}"
        speed = len(found) / elapsed
        figures.append(
            Figure(name, per_second(speed, "rows"), speed / rate, "the lecture's way", goal)
        )
        figures.append(_share_of_limit(setting, predictor, speed))
    return figures


def _share_of_limit(setting: Setting, predictor: Predictor, speed: float) -> Figure:
    """Compare a speed with the recurrent product alone, at the rate measured in this run."""
    encoded = predictor.encode(setting.texts.slice(0, setting.rows))
    tokens = encoded.lengths.mean()
    limit = setting.ceilings.rows(predictor.precision, setting.bundle.facts.model, tokens)
    product = setting.ceilings.product_of(predictor.precision)
    name = f"  limit: {product} product, {tokens:.0f} tokens a row"
    return Figure(name, per_second(limit, "rows"), speed / limit, "that limit is the job", 0.5)


def with_a_free_model(setting: Setting) -> list[Figure]:
    """From CSV to Parquet with nothing to pay for but reading, encoding and writing."""
    exact = setting.predictor("float32")
    free = FreePredictor(exact._encoder, setting.bundle.model(), setting.bundle.classes)
    target = Path(setting.folder / "free.parquet")
    job = setting.job(setting.source, target, free)
    job()
    speed = len(setting.probabilities(target)) / median_seconds(setting.repeats, job)
    goal = "10,000 rows/s"
    return [Figure("job, free model", per_second(speed, "rows"), speed / 1e4, goal, 1.0)]
