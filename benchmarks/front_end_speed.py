"""The front end of the job on one core against spaCy called plainly; see front_end.py for more."""

import numpy as np
import pyarrow as pa
from front_end import FrontEnd, PlainSpacy
from front_end import Setting as Known
from measured import Figure, agree, per_second
from setting import Setting

from scorer.tokens.text import normalise

CHUNK_ROWS, SAMPLED = 8192, 1000


def against_plain_spacy(setting: Setting) -> list[Figure]:
    """Cold, with what the bundle remembers, and with every piece known."""
    bundle, texts = setting.bundle, setting.texts
    lore = Known(bundle.rules, bundle.vocabulary, bundle.remembered)
    front_end = FrontEnd(texts, lore, CHUNK_ROWS)
    rows = np.linspace(0, len(texts) - 1, SAMPLED, dtype=int)
    sample = texts.take(pa.array(rows))
    plain, normal = PlainSpacy(lore), normalise(sample, bundle.rules).to_pylist()
    expected = np.concatenate(plain.encode(normal))
    agree("token ids", np.array_equal(front_end.encoder().encode(sample).ids, expected))
    known = front_end.encoder()
    front_end.run(known)
    starts = {
        "cold": (front_end.encoder, 8.0),
        "with the bundle's pieces": (lambda: front_end.encoder(bundle.remembered), 12.0),
        "with every piece known": (lambda: known, 20.0),
    }
    rate = SAMPLED / np.median([plain.run(normal) for _ in range(setting.repeats)])
    figures = [Figure("spaCy called plainly, CPU time", per_second(rate, "rows"))]
    for name, (encoder, goal) in starts.items():
        taken = np.median([front_end.run(encoder()) for _ in range(setting.repeats)])
        speed = len(texts) / float(taken)
        value = per_second(speed, "rows")
        figures.append(Figure(f"front end, {name}", value, speed / rate, "plain spaCy", goal))
    return figures
