import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pyarrow as pa

from scorer.cli.scoring_lines import bundle_line, closing_line, profile_lines
from scorer.network.inference import Prediction
from scorer.scoring.pipeline import StageClock
from scorer.scoring.summary import (
    FOOTER_KEY,
    BundleFacts,
    InputFacts,
    Provenance,
    RowCounts,
    RunSummary,
    as_json,
)
from scorer.scoring.tally import Tally
from scorer.tokens.encoding import Encoded

BUNDLE = BundleFacts("20261124T000000Z-0123abcd", "0123abcd" * 8, ("no", "yes"), {"1": "yes"})
PROVENANCE = Provenance(
    bundle=BUNDLE,
    input=InputFacts("in.csv", "csv", 10, "00"),
    text_column="text",
    rows=RowCounts(read=1004, written=1000, rejected=4),
    texts={"scored": 990, "no known word": 5, "null": 1, "blank": 2, "markup only": 2},
    score_settings={"precision": "float32"},
    options={"prefix": ""},
)
SUMMARY = RunSummary(
    published=True,
    exit_code=0,
    error=None,
    output="out.csv",
    output_bytes=20,
    output_sha256="11",
    started="2026-11-24T00:00:00+00:00",
    seconds=2.0,
    provenance=PROVENANCE,
    resumed_rows=600,
    computed_rows=400,
    cached_texts=0,
    duplicates=100,
    tokens=5000,
    unknown_tokens=50,
    unknown_token_share=0.01,
    histogram={"no": [0] * 10, "yes": [0] * 10},
    drift={"length": 0.1},
    drift_level=0.4,
    drift_warnings=[],
    drift_unmeasured=None,
    engine="folded lstm, cpu",
    stages={"read": StageClock(0.5), "model": StageClock(1.5, 0.5)},
    peak_memory_mb=512.0,
)


def test_a_tally_counts_over_chunks():
    tally, texts = Tally(["no", "yes"]), pa.array(["a", "a", " "], pa.large_string())
    scores = np.array([[0.95, 0.05], [0.0, 1.0], [np.nan, np.nan]], np.float32)
    prediction = Prediction(scores, np.array([4, 6, 0], np.int32), np.array([1, 6, 0], np.int32))
    encoded = Encoded(np.array([0, 2, 2, 9000], np.int32), np.array([0, 4]))
    for _ in range(2):
        tally.update(texts, prediction, encoded)
    assert tally.by_status == {
        "scored": 2,
        "no known word": 2,
        "null": 0,
        "blank": 2,
        "markup only": 0,
    }
    assert tally.histogram == {
        "no": [2, 0, 0, 0, 0, 0, 0, 0, 0, 2],
        "yes": [2, 0, 0, 0, 0, 0, 0, 0, 0, 2],
    }
    assert (tally.duplicates, tally.profile.tokens, tally.profile.unknown) == (2, 20, 14)
    assert tally.profile.words[[2, -1]].tolist() == [4, 2]
    assert tally.unknown_share == 0.7
    assert Tally(["no"]).unknown_share == 0


def test_the_json_has_provenance_and_run_in_one_object():
    read = json.loads(as_json(SUMMARY.as_dict()))
    assert read == json.loads(json.dumps(SUMMARY.as_dict()))
    assert read["rows"] == {"read": 1004, "written": 1000, "rejected": 4}
    assert read["bundle"]["classes"] == ["no", "yes"]
    assert read["stages"]["model"] == {"busy": 1.5, "starved": 0.5, "blocked": 0.0}
    assert "\n" not in as_json(SUMMARY.as_dict())


def test_a_footer_says_nothing_that_differs_from_run_to_run():
    facts = json.loads(PROVENANCE.metadata()[FOOTER_KEY])
    read = json.loads(as_json(SUMMARY.as_dict()))
    assert {name: read[name] for name in facts} == facts
    assert not {"seconds", "started", "resumed_rows", "output"} & set(facts)


def test_the_closing_line_has_what_a_person_looks_for():
    assert closing_line(SUMMARY) == (
        "out.csv: 1,000 rows in 2.0 s (500 rows/s), 600 of them resumed, 5 without a score (null, "
        "blank or markup only), 5 without a known word, 4 rejected; "
        f"texts of column {PROVENANCE.text_column!r}; bundle 20261124T000000Z-0123abcd"
    )


def test_the_bundle_line_says_what_labels_mean():
    assert bundle_line(BUNDLE) == "bundle 20261124T000000Z-0123abcd: '1' is yes"


def test_the_profile_says_how_long_the_model_waited():
    shown = "\n".join(profile_lines(SUMMARY))
    assert "read:        0.50 s busy" in shown
    assert "25.0% of its time without rows; folded lstm, cpu" in shown
    assert "10.0% duplicates within their chunk, 1.0% of 5,000 tokens unknown" in shown


def test_peak_memory_is_in_megabytes():
    script = """
import numpy
from scorer.scoring.peak_memory import peak_memory_mb
before = peak_memory_mb()
block = numpy.ones(50_000_000 // 8)
print(peak_memory_mb() - before)
"""  # a process of its own: this one's peak is long behind it
    grown = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert 30 < float(grown.stdout) < 100


def test_the_summary_is_valid_json_whatever_is_in_it():
    strange = replace(SUMMARY, unknown_token_share=float("nan"), seconds=float("inf"))
    text = as_json(strange.as_dict())
    assert "NaN" not in text and "Infinity" not in text
    assert json.loads(text)["unknown_token_share"] is None
