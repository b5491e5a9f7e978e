"""Words that move a score: right by leaving each out, at a bounded cost, whatever the chunk."""

import csv
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from tiny_corpora import write_csv

import scorer
from scorer.bundles.bundle_files import load_bundle
from scorer.cli.main import main
from scorer.errors import InterruptedRunError, UsageError
from scorer.evaluation.explanation import NO_WORD, WORDS_TRIED, Explainer
from scorer.jobs import source_and_target
from scorer.network.inference import Prediction, Predictor
from scorer.network.linear import LinearTerm, Subwords, Terms
from scorer.scoring.callbacks import Callbacks
from scorer.tokens.encoding import Encoded, TextEncoder
from scorer.tokens.vocabulary import Vocabulary

ROWS = 150


class Counting:
    """A predictor that counts the tokens it is asked to score."""

    def __init__(self, predictor: Predictor) -> None:
        self.classes, self.engine = predictor.classes, predictor.engine
        self.score_settings = predictor.score_settings
        self.encode, self.close = predictor.encode, predictor.close
        self._predictor, self.tokens = predictor, 0

    def predict(self, encoded: Encoded) -> Prediction:
        self.tokens += len(encoded.ids)
        return self._predictor.predict(encoded)


@pytest.fixture(scope="module")
def tokens(tiny_bundle: Path) -> tuple[str, ...]:
    return load_bundle(tiny_bundle).vocabulary.tokens


@pytest.fixture(scope="module")
def texts(labelled_texts) -> list[str]:
    rng = random.Random(4)
    longer = [" ".join(rng.sample(labelled_texts.texts, 5)) for _ in range(10)]
    return [
        *(*labelled_texts.texts[:40], *longer, "", "  "),
        *("qqqq zzzz", "good", "bad", "good good bad"),
    ]


def without(text: str, word: str) -> str:
    return " ".join(piece for piece in text.split() if piece != word)


@pytest.fixture(scope="module")
def spelling_predictor(tiny_bundle: Path) -> Predictor:
    """Return the tiny bundle's predictor, with a linear term that knows `qqqq` by its n-grams."""
    bundle = load_bundle(tiny_bundle)
    vocabulary = Vocabulary(bundle.vocabulary.tokens, ("<qq", "qqq"))
    tokens, classes = len(vocabulary), len(bundle.classes)
    coefficients = np.zeros((tokens + 2, classes), np.float32)
    coefficients[tokens:, 0] = 2
    nothing = np.zeros((0, classes), np.float32)
    terms = Terms(np.full(tokens, NO_WORD, np.int32), np.zeros(0, np.int64))
    subwords = Subwords(coefficients, np.ones(tokens + 2, np.float32))
    term = LinearTerm(terms, nothing[:, 0], nothing, np.zeros(classes, np.float32), subwords)
    encoder = TextEncoder(bundle.rules, vocabulary)
    return Predictor(encoder, bundle.model(), bundle.classes, bundle.temperature, linear=term)


@pytest.mark.parametrize("which", ["tiny_predictor", "spelling_predictor"])
def test_an_effect_is_what_the_score_loses_without_the_word(which, tokens, request):
    tiny_predictor = request.getfixturevalue(which)
    texts = ["the film was good and superb", "a dull story , not good , dull cast", "bad"]
    texts += ["qqqq", "the film was good qqqq and qqq fair"]
    encoded = tiny_predictor.encode(pa.array(texts, pa.large_string()))
    prediction = tiny_predictor.predict(encoded)
    found = Explainer(tiny_predictor, tokens, 20).explain(encoded, prediction)
    for at, (text, words) in enumerate(zip(texts, found.words(tokens), strict=True)):
        best = prediction.probabilities[at].argmax()
        known = {word for word in text.split() if word in tokens}
        assert {word for word, _ in words} == known
        effects = [effect for _, effect in words]
        assert effects == sorted(effects, key=abs, reverse=True)
        for word, effect in words:
            left = tiny_predictor.encode(pa.array([without(text, word)], pa.large_string()))
            rest = np.nan_to_num(tiny_predictor.predict(left).probabilities[0, best], nan=0.5)
            assert effect == pytest.approx(prediction.probabilities[at, best] - rest, abs=2e-6)


def test_of_a_long_text_the_words_that_lean_most_are_tried(tiny_predictor, tokens, texts):
    predictor = Counting(tiny_predictor)
    encoded = tiny_predictor.encode(pa.array(texts, pa.large_string()))
    prediction = tiny_predictor.predict(encoded)
    few = Explainer(predictor, tokens, 3).explain(encoded, prediction)
    assert predictor.tokens <= WORDS_TRIED * len(encoded.ids) + len(tokens)
    every = Explainer(tiny_predictor, tokens, 3, tried=400).explain(encoded, prediction)
    long = [at for at, n in enumerate(encoded.lengths) if n > 2 * WORDS_TRIED]
    assert len(long) > 3
    found = np.abs(few.effects[long, 0]).sum() / np.abs(every.effects[long, 0]).sum()
    assert found > 0.8  # random words: some 0.2
    for at in range(len(texts)):  # what is told of a word does not depend on the others
        whole = dict(zip(every.ids[at].tolist(), every.effects[at].tolist(), strict=True))
        for token, effect in zip(few.ids[at].tolist(), few.effects[at].tolist(), strict=True):
            if token in whole:
                assert effect == pytest.approx(whole[token], abs=2e-6)


def test_a_text_without_a_known_word_has_none(tiny_predictor, tokens):
    encoded = tiny_predictor.encode(pa.array(["", "qqqq zzzz", None], pa.large_string()))
    found = Explainer(tiny_predictor, tokens, 2).explain(encoded, tiny_predictor.predict(encoded))
    assert (found.ids == NO_WORD).all()


@pytest.fixture
def folder(tmp_path: Path, texts, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [(str(i), texts[i % len(texts)]) for i in range(ROWS)]
    write_csv(tmp_path / "in.csv", rows, ("id", "text"))
    return tmp_path


def explanations(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return [row["explanation"] for row in csv.DictReader(file)]


def test_a_column_tells_the_words_whatever_the_chunk(folder, tiny_bundle, texts):
    found = []
    for rows in (7, 64, 8192):
        name = f"{rows}.csv"
        scorer.score_file(
            "in.csv", name, tiny_bundle, precision="float32", explain=2, chunk_rows=rows
        )
        found.append(explanations(folder / name))
    assert found[0] == found[1] == found[2]
    by_text = dict(zip(texts, found[0], strict=False))
    assert by_text["good"].startswith("positive: good +0.")
    assert by_text["bad"].startswith("negative: bad +0.")
    assert by_text["good good bad"].count(",") == 1
    assert by_text[""] == by_text["qqqq zzzz"] == ""


def test_explanations_are_resumed_and_remembered_as_scores_are(folder, tiny_bundle):
    options = {"bundle": tiny_bundle, "explain": 2, "chunk_rows": 16, "precision": "float32"}
    scorer.score_file("in.csv", "whole.csv", **options)

    class Stop(Callbacks):
        def on_chunk(self, rows: int, *_: object) -> None:
            if rows >= 48:
                raise InterruptedRunError("enough", 15)

    with pytest.raises(InterruptedRunError):
        scorer.score_file("in.csv", "out.csv", callbacks=Stop(), **options)
    resumed = scorer.score_file("in.csv", "out.csv", **options)
    assert resumed.resumed_rows >= 48
    assert (folder / "out.csv").read_bytes() == (folder / "whole.csv").read_bytes()
    options["cache"] = "scores.sqlite"
    scorer.score_file("in.csv", "once.csv", **options)
    again = scorer.score_file("in.csv", "again.csv", **options)
    assert (again.cached_texts > 0, again.duplicates) == (True, resumed.duplicates)
    assert (folder / "again.csv").read_bytes() == (folder / "once.csv").read_bytes()
    assert explanations(folder / "again.csv") == explanations(folder / "whole.csv")
    plain = scorer.score_file("in.csv", "plain.csv", tiny_bundle, cache="scores.sqlite")
    assert plain.cached_texts == 0  # what was remembered with words is kept apart


def test_a_journal_without_explanations_is_set_aside(folder, tiny_bundle):
    class Stop(Callbacks):
        def on_chunk(self, rows: int, *_: object) -> None:
            raise InterruptedRunError("enough", 15)

    with pytest.raises(InterruptedRunError):
        scorer.score_file("in.csv", "out.csv", tiny_bundle, chunk_rows=16, callbacks=Stop())
    summary = scorer.score_file("in.csv", "out.csv", tiny_bundle, chunk_rows=16, explain=1)
    assert summary.resumed_rows == 0
    assert "good" in " ".join(explanations(folder / "out.csv"))


def test_a_column_of_that_name_is_refused_until_it_has_a_prefix(folder, tiny_bundle):
    write_csv(folder / "in.csv", [("mine", "good")], ("explanation", "text"))
    arguments = ["score", "in.csv", "out.csv", "--bundle", str(tiny_bundle), "--explain", "2"]
    refused = CliRunner().invoke(main, arguments)
    assert refused.exit_code == 2
    assert "already has explanation. --prefix TEXT gives other names" in refused.stderr
    assert CliRunner().invoke(main, [*arguments, "--prefix", "x_"]).exit_code == 0
    header = (folder / "out.csv").read_text().splitlines()[0]
    assert header.endswith("x_probability_negative,x_probability_positive,x_explanation")


def test_tables_in_memory_are_explained_too(tiny_bundle):
    loaded = scorer.Scorer.load(tiny_bundle)
    table = loaded.score(["good", None, "bad"], explain=1)
    first, none, last = table.column("explanation").to_pylist()
    assert first.startswith("positive: good +")
    assert none is None
    assert last.startswith("negative: bad +")
    with pytest.raises(UsageError, match="explain 99: give a number from 1 to 20"):
        loaded.score(["good"], explain=99)


def test_an_explanation_names_its_class_where_a_threshold_gives_another_label(folder, tiny_bundle):
    options = {"with_label": True, "threshold": 1.0, "explain": 1}
    scorer.score_file("in.csv", "out.csv", tiny_bundle, **options)
    with (folder / "out.csv").open(newline="", encoding="utf-8") as file:
        good = next(row for row in csv.DictReader(file) if row["text"] == "good")
    assert good["label"] == "negative"  # positive only where that is certain
    assert good["explanation"].startswith("positive: good +0.")


def test_a_chunk_with_explanations_is_smaller_unless_its_size_is_given():
    assert source_and_target("in.csv", "out.csv")[0].chunk_rows == 8192
    assert source_and_target("in.csv", "out.csv", explain=3)[0].chunk_rows == 1024
    for rows in (77, 8192):
        assert (
            source_and_target("in.csv", "out.csv", explain=3, chunk_rows=rows)[0].chunk_rows == rows
        )
