from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from tiny_corpora import tiny_corpus, tiny_learned, tiny_recipe, write_labelled
from tiny_models import write_texts

from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import FILES, load_bundle
from scorer.bundles.golden import golden_rows
from scorer.bundles.predictor import load_predictor
from scorer.bundles.pretrained_encoder import PretrainedEncoder
from scorer.bundles.store import add
from scorer.bundles.weights import rounded
from scorer.corpus.corpus import Corpus, read_corpus
from scorer.corpus.labelled_columns import Columns
from scorer.corpus.labelled_rows import LabelledRows
from scorer.errors import UsageError
from scorer.evaluation.evaluation import evaluate
from scorer.network.inference import Predictor
from scorer.tokens.encoding import TextEncoder
from scorer.tokens.vocabulary import SPECIALS, Vocabulary
from scorer.training import examples, packaging
from scorer.training.auxiliary import AuxiliaryInputs
from scorer.training.callbacks import Callbacks
from scorer.training.fitting import Epoch, Step
from scorer.training.packaging import TrainingResult
from scorer.training.preprocessing import Preprocessing
from scorer.training.pretraining import PretrainConfig, PretrainStep
from scorer.training.recipe import Recipe
from scorer.training.task import Task
from scorer.training.training import build

PRETRAINING = PretrainConfig(passes=1, streams=4, steps=16, learning_rate=0.02)
PRETRAINED = replace(tiny_recipe(epochs=2), pretraining=PRETRAINING)
STILL = tiny_recipe(epochs=1, learning_rate=1e-12, averaging=0.0)  # ends where it begins
CLASSES = ("negative", "positive")


class Diary(Callbacks):
    """Writes down what it is told, and stops the training after an epoch if asked to."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.entries: list[str] = []
        self.notes: list[str] = []
        self.points: list[PretrainedEncoder] = []
        self._stop_after = stop_after

    def on_corpus(self, corpus: Corpus) -> None:
        self._enter("corpus")

    def on_note(self, line: str) -> None:
        self.notes.append(line)

    def on_vocabulary(self, vocabulary: Vocabulary, counts: Counter[str]) -> None:
        self._enter(f"vocabulary of {len(vocabulary)}")

    def on_pretraining(self, step: PretrainStep) -> None:
        self._enter("pretraining")

    def on_pretrained(self, encoder: PretrainedEncoder, folder: Path | None) -> None:
        self._enter("start")
        self.points.append(encoder)

    def on_step(self, step: Step) -> None:
        self._enter("steps")

    def on_epoch(self, epoch: Epoch) -> None:
        self._enter(f"epoch {epoch.epoch}")
        if epoch.epoch == self._stop_after:
            raise KeyboardInterrupt

    def on_result(self, learned: TrainingResult) -> None:
        self._enter("learned")

    def _enter(self, line: str) -> None:
        if line not in self.entries[-1:]:
            self.entries.append(line)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return tiny_corpus()


@pytest.fixture(scope="module")
def learned() -> TrainingResult:
    return tiny_learned()


@pytest.fixture(scope="module")
def written(learned: TrainingResult, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return add(tmp_path_factory.mktemp("store"), learned.bundle)


@pytest.fixture(scope="module")
def unlabelled() -> pa.LargeStringArray:
    return write_texts(CLASSES, 150, seed=11).column


@pytest.fixture(scope="module")
def pretrained(corpus: Corpus, unlabelled: pa.LargeStringArray) -> tuple[TrainingResult, Diary]:
    """A training with pretraining, never interrupted, and what was told of it."""
    diary = Diary()
    return build(Task(corpus, PRETRAINED, AuxiliaryInputs(unlabelled)), diary), diary


def weights(bundle: Bundle) -> torch.Tensor:
    return torch.cat([bundle.weights[name].flatten() for name in sorted(bundle.weights)])


def test_the_same_rows_and_seed_give_the_same_bundle_to_the_byte(corpus, written, tmp_path):
    again = add(tmp_path, build(Task(corpus, tiny_recipe()), Callbacks()).bundle)
    assert again.digest == written.digest
    assert again.facts == written.facts


def test_the_bundle_has_no_clock_in_it(learned):
    epochs = [replace(epoch, seconds=epoch.seconds + 1) for epoch in learned.fitted.epochs]
    assert [packaging._history_row(epoch) for epoch in epochs] == learned.bundle.history
    assert "seconds" not in learned.bundle.history[0]
    assert set(FILES) >= {"history.csv", "report.html"}


def test_test_figures_are_those_of_the_path_that_scores(corpus, learned, written):
    predictor = load_predictor(written)
    for part in ("valid", "test"):
        rows = getattr(corpus, part)
        prediction = predictor.predict(predictor.encode(rows.texts))
        found = evaluate(prediction.probabilities, rows.targets, predictor.classes)
        recorded = written.facts.metrics[part]
        assert found.accuracy == recorded["accuracy"] > 0.9
        assert found.log_loss == pytest.approx(recorded["log_loss"], abs=1e-6)
    assert learned.test.accuracy == written.facts.metrics["test"]["accuracy"]
    written.golden.check(predictor)


def test_the_bundle_says_what_it_was_made_of(corpus, written):
    facts = written.facts
    assert facts.classes == CLASSES
    assert facts.label_values == {"negative": "negative", "positive": "positive"}
    assert (facts.text_column, facts.label_column) == ("text", "label")
    assert facts.training["rows"] == {"train": 240, "valid": 80, "test": 80}
    assert facts.training["data_sha256"] == corpus.fingerprint
    assert facts.training["settings"]["epochs"] == 8
    assert set(facts.training["packages"]) == {"torch", "torchtext", "spacy", "pyarrow", "numpy"}
    assert len(written.history) == 8
    assert written.history[facts.training["best_epoch"] - 1] == max(
        written.history, key=lambda row: (row["valid_accuracy"], row["epoch"])
    )


def test_only_training_rows_shape_the_vocabulary(corpus):
    part = replace(corpus.valid, texts=pa.array(["heldoutword"] * 80, pa.large_string()))
    held_out = replace(corpus, valid=part, test=part)
    recipe = replace(STILL, vocabulary_size=10**6)
    bundle = build(Task(held_out, recipe), Callbacks()).bundle
    words = {word.lower() for row in corpus.train.texts.to_pylist() for word in row.split()}
    tokens = set(bundle.vocabulary.tokens) - set(SPECIALS)
    assert {token.lower() for token in tokens} <= words | {"<", "br/", ">", ".", ","}
    assert bundle.facts.training["vocabulary"]["unknown_share"] == 1
    text = Preprocessing.fit(corpus.train.texts, recipe)
    assert tokens == set(text.counts)
    assert text.facts(corpus.train.texts)["unknown_share"] == 0


def test_an_interrupted_training_ends_in_the_same_bundle(corpus, unlabelled, pretrained, tmp_path):
    task = Task(corpus, PRETRAINED, AuxiliaryInputs(unlabelled))
    checkpoint = tmp_path / "checkpoint"
    expected, diary = pretrained
    with pytest.raises(KeyboardInterrupt):
        build(task, Diary(stop_after=2), checkpoint)
    resumed = Diary()
    found = build(task, resumed, checkpoint)
    assert resumed.notes[0] == "going on where an interrupted training stood, after 1 epoch"
    assert torch.equal(weights(found.bundle), weights(expected.bundle))
    runs = {"whole": expected, "resumed": found}
    digests = {add(tmp_path / name, one.bundle).digest for name, one in runs.items()}
    assert len(digests) == 1
    assert diary.entries == [
        "vocabulary of 92",
        "pretraining",
        "start",
        "steps",
        "epoch 1",
        "steps",
        "epoch 2",
        "learned",
    ]
    assert resumed.entries == ["vocabulary of 92", "steps", "epoch 2", "learned"]


@pytest.mark.parametrize(
    "change",
    [
        lambda c, r, b: Task(replace(c, fingerprint="0"), r, b),
        lambda c, r, b: Task(replace(c, train=c.train.take(np.arange(200))), r, b),
        lambda c, r, b: Task(replace(c, valid=c.test), r, b),
        lambda c, r, b: Task(replace(c, train=_turned(c.train)), r, b),
        lambda c, r, b: Task(replace(c, valid=_turned(c.valid)), r, b),
        lambda c, r, b: Task(replace(c, classes=c.classes[::-1]), r, b),
        lambda c, r, b: Task(c, replace(r, hidden_dim=13), b),
        lambda c, r, b: Task(c, replace(r, training=replace(r.training, seed=1)), b),
        lambda c, r, b: Task(c, replace(r, pretraining=PRETRAINING), b),
        lambda c, r, b: Task(c, replace(r, rules=replace(r.rules, strip_markup=False)), b),
        lambda c, r, b: Task(c, r, replace(b, unlabelled=pa.array(["a"], pa.large_string()))),
    ],
)
def test_whatever_shapes_the_weights_makes_it_another_training(
    corpus, change: Callable[[Corpus, Recipe, AuxiliaryInputs], Task]
):
    usual = (corpus, tiny_recipe(), AuxiliaryInputs())
    assert change(*usual).key != Task(*usual).key == Task(*usual).key


def _turned(rows: LabelledRows) -> LabelledRows:
    return replace(rows, targets=1 - rows.targets)


def test_other_vectors_under_the_same_name_make_it_another_training(corpus, tmp_path):
    keys = set()
    for text in ("good 1 2\n", "good 1 3\n"):
        (tmp_path / "glove.txt").write_text(text)
        background = AuxiliaryInputs(vectors=tmp_path / "glove.txt")
        keys.add(Task(corpus, tiny_recipe(), background).key)
    assert len(keys) == 2


def test_a_starting_point_takes_the_place_of_pretraining(corpus, pretrained):
    (point,) = pretrained[1].points
    assert point.facts["texts"] == 240 + 150
    diary, background = Diary(), AuxiliaryInputs(encoder=replace(point, digest="d"))
    bundle = build(Task(corpus, replace(STILL, vocabulary_size=0), background), diary).bundle
    assert "pretraining" not in diary.entries
    assert bundle.facts.training["background"]["start"]["digest"] == "d"
    places = [point.vocabulary.tokens.index(token) for token in bundle.vocabulary.tokens]
    assert bundle.vocabulary.tokens == point.vocabulary.tokens
    expected = rounded(point.weights)["embedding.weight"][places]
    assert torch.equal(bundle.weights["embedding.weight"], expected)


def test_vectors_are_where_the_embedding_begins(corpus, tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("good 1 2 3 4 5 6 7 8\nbad 8 7 6 5 4 3 2 1\n")
    diary, recipe = Diary(), replace(STILL, pretraining=PRETRAINING)
    bundle = build(Task(corpus, recipe, AuxiliaryInputs(vectors=path)), diary).bundle
    assert "pretraining" not in diary.entries  # which begins with other vectors
    row = bundle.vocabulary.tokens.index("good")
    assert bundle.weights["embedding.weight"][row].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert bundle.facts.training["background"]["vectors"]["name"] == "glove.txt"


def test_a_teacher_is_believed_as_much_as_the_label_and_alone_without_one(
    corpus, learned, unlabelled
):
    task = Task(corpus, tiny_recipe(), AuxiliaryInputs(unlabelled, teachers=(learned.bundle,)))
    found = examples.encode_examples(
        task.corpus.train,
        task.auxiliary,
        Preprocessing.fit(corpus.train.texts, task.recipe).encoder,
    )
    teacher = load_predictor(learned.bundle)
    said = [
        teacher.predict(teacher.encode(texts)).probabilities
        for texts in (corpus.train.texts, unlabelled)
    ]
    expected = np.concatenate([(said[0] + np.eye(2)[corpus.train.targets]) / 2, said[1]])
    assert found.targets.dtype == np.float32
    np.testing.assert_allclose(found.targets, expected, atol=1e-6)
    assert len(found.encoded) == 240 + 150
    assert not np.isin(found.targets, [0, 1]).any()


def test_of_several_teachers_the_mean_is_believed(learned, unlabelled):
    milder = replace(learned.bundle, facts=replace(learned.bundle.facts, temperature=5.0))
    predictor = Predictor(
        TextEncoder(milder.rules, milder.vocabulary),
        milder.model(),
        milder.classes,
        5.0,
        linear=milder.linear,
    )
    milder = replace(milder, golden=golden_rows(predictor))
    one, other = (
        examples._teacher_probabilities(unlabelled, (bundle,))
        for bundle in (learned.bundle, milder)
    )
    both = examples._teacher_probabilities(unlabelled, (learned.bundle, milder))
    assert np.abs(one - other).max() > 0.1
    np.testing.assert_allclose(both, (one + other) / 2, atol=1e-6)


def test_a_teacher_of_other_classes_is_refused_before_any_work(corpus, learned):
    facts = replace(learned.bundle.facts, classes=("positive", "negative"))
    teacher, diary = replace(learned.bundle, facts=facts), Diary()
    with pytest.raises(UsageError) as refused:
        build(Task(corpus, tiny_recipe(), AuxiliaryInputs(teachers=(teacher,))), diary)
    assert str(refused.value) == (
        "the teacher's classes are positive, negative, those of the labels are negative, positive. "
        "--teacher takes a bundle of the same classes"
    )
    assert diary.entries == []


@pytest.mark.parametrize(
    ("preset", "settings"),
    [("lecture-packed", {"learning_rate": 0.01, "epochs": 12}), ("fast", {"cell": "gru"})],
)
def test_presets_and_cells_make_bundles_that_score(corpus, tmp_path, preset, settings):
    recipe = replace(tiny_recipe(preset, **settings), dropout=0.0)
    learned = build(Task(corpus, recipe), Callbacks())
    loaded = load_bundle(tmp_path / add(tmp_path, learned.bundle).version)
    loaded.golden.check(load_predictor(loaded))
    assert loaded.facts.rules.strip_markup == (preset == "fast")
    assert learned.test.accuracy > 0.8


def test_what_a_person_should_doubt_is_told_and_written_down(tmp_path):
    path, diary = write_labelled(tmp_path / "a.csv", write_texts(CLASSES, 80, seed=2)), Diary()
    same = read_corpus([path], "0.2", str(path), Columns(), seed=0, keep_duplicates=True)
    learned = build(Task(same, tiny_recipe(epochs=1, passes=1)), diary)
    assert "test rows that are among the training rows: 66 of 80" in learned.warnings[0]
    assert learned.bundle.facts.metrics["suspicions"] == list(learned.warnings)
    too_few, calibrated = diary.notes
    assert too_few.endswith(" tokens are too few to pretrain on")
    assert calibrated == (
        "16 validation rows are few to tell how sure is too sure: probabilities are calibrated "
        "roughly"
    )


@pytest.mark.parametrize("refit", [False, True])
def test_words_of_the_validation_rows_are_known_where_those_are_trained_on_too(tmp_path, refit):
    rows = write_texts(CLASSES, 120, seed=4)
    rows = replace(rows, texts=tuple(f"{text} own{i}" for i, text in enumerate(rows.texts)))
    path = write_labelled(tmp_path / "a.csv", rows)
    corpus = read_corpus([path], "0.2", "0.2", Columns(), seed=0)
    recipe = replace(tiny_recipe(epochs=1, vocabulary_size=1000), refit=refit)
    known = set(build(Task(corpus, recipe), Callbacks()).bundle.vocabulary.tokens)
    own = {part: {t.split()[-1] for t in of.texts.to_pylist()} for part, of in parts_of(corpus)}
    assert own["train"] <= known
    assert own["valid"] <= known if refit else not own["valid"] & known
    assert not own["test"] & known


def test_beside_a_pretrained_network_the_linear_term_learns_the_validation_rows_too(tmp_path):
    rows = write_texts(CLASSES, 120, seed=4)
    rows = replace(rows, texts=tuple(f"{text} own{i}" for i, text in enumerate(rows.texts)))
    path = write_labelled(tmp_path / "a.csv", rows)
    corpus = read_corpus([path], "0.2", "0.2", Columns(), seed=0)
    recipe = replace(tiny_recipe(epochs=1, vocabulary_size=1000, passes=1), linear=True, refit=True)
    task = Task(corpus, recipe)
    assert task.learns_validation and not task.refits_network
    result = build(task, Callbacks())
    taught = replace(task, auxiliary=AuxiliaryInputs(teachers=(result.bundle,)))
    assert not taught.learns_validation
    learned = len(corpus.train) + len(corpus.valid)
    assert result.baseline.training_rows == learned
    rarity = result.bundle.linear.inverse_document_frequency
    assert rarity.max() == pytest.approx(np.log((1 + learned) / 2) + 1)  # a word of one row


def test_the_network_learns_beside_the_linear_term_in_both_of_its_trainings(corpus):
    losses: list[float] = []

    class Losses(Callbacks):
        def on_step(self, step: Step) -> None:
            losses.append(step.loss)

    recipe = replace(STILL, vocabulary_size=1000, linear=True, refit=True)
    result = build(Task(corpus, recipe), Losses())
    (epoch,) = result.fitted.epochs
    assert epoch.valid_accuracy > 0.9  # the network is random, and stays so
    assert len(losses) > len(corpus.train) // 32 + 1 and max(losses) < 0.5  # ln 2 without it


def test_beside_a_network_that_knows_the_classes_the_linear_term_counts_less(corpus, learned):
    def share(encoder: PretrainedEncoder | None) -> float:
        recipe = replace(STILL, linear=True)
        task = Task(corpus, recipe, AuxiliaryInputs(encoder=encoder))
        return float(build(task, Callbacks()).bundle.facts.training["linear_share"])

    bundle = learned.bundle
    knows = PretrainedEncoder(bundle.weights, bundle.vocabulary, {}, "d", bundle.classes)
    alone, probed = share(None), share(replace(knows, classes=()))
    assert share(knows) != probed
    assert max(share(knows), probed) < 0.9 * alone


def parts_of(corpus: Corpus) -> list[tuple[str, LabelledRows]]:
    return [("train", corpus.train), ("valid", corpus.valid), ("test", corpus.test)]
