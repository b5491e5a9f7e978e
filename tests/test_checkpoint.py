import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_models import TRAINING, LabelledTexts, Trained, validation

from scorer.errors import InputError
from scorer.network.model import TextClassifier
from scorer.training.checkpoint import Checkpoint, State
from scorer.training.fitting import Epoch, Examples, Fitted, Step, Validation, fit

KEY = "this training"
STATE = State(
    {
        "model.weight": torch.tensor([[0.1, -2.5e-30], [float("inf"), 3.0]]),
        "adam.0.step": torch.tensor(7.0),
        "random": torch.arange(5, dtype=torch.uint8),
        "count": torch.tensor(2**40),
    },
    {"epochs": [{"epoch": 1, "loss": 0.1 + 0.2}], "order": {"state": 2**127 + 1}},
)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    checkpoint = Checkpoint(tmp_path / "store" / "training.safetensors", KEY)
    checkpoint.save(STATE)
    return checkpoint


def same(found: State | None, state: State = STATE) -> bool:
    if found is None or found.facts != state.facts or set(found.tensors) != set(state.tensors):
        return False
    pairs = [(found.tensors[name], tensor) for name, tensor in state.tensors.items()]
    return all(one.dtype == other.dtype and torch.equal(one, other) for one, other in pairs)


def test_a_state_comes_back_bit_for_bit(checkpoint):
    assert same(checkpoint.load())


def test_nothing_comes_of_no_file(tmp_path):
    assert Checkpoint(tmp_path / "none", KEY).load() is None
    assert Checkpoint(tmp_path, KEY).load() is None


def test_another_training_does_not_take_it(checkpoint):
    assert Checkpoint(checkpoint.path, "another training").load() is None


def test_a_state_replaces_the_one_before_and_leaves_nothing_beside_it(checkpoint):
    later = State({"random": torch.zeros(3)}, {"epochs": []})
    checkpoint.save(later)
    assert same(checkpoint.load(), later)
    assert list(checkpoint.path.parent.iterdir()) == [checkpoint.path]


def test_whatever_byte_is_changed_no_other_state_is_taken(checkpoint):
    whole = checkpoint.path.read_bytes()
    values = 8 + int.from_bytes(whole[:8], "little")  # where the tensors begin
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 + place % 255
        checkpoint.path.write_bytes(damaged)
        found = checkpoint.load()
        assert found is None or (same(found) and place < values), place


def test_a_shortened_file_is_not_taken(checkpoint):
    whole = checkpoint.path.read_bytes()
    for length in range(len(whole)):
        checkpoint.path.write_bytes(whole[:length])
        assert checkpoint.load() is None, length


def test_a_file_of_another_program_is_not_taken(checkpoint):
    save_file({"x": torch.zeros(2)}, checkpoint.path)
    assert checkpoint.load() is None
    save_file({"x": torch.zeros(2)}, checkpoint.path, {"key": KEY, "facts": json.dumps({})})
    assert checkpoint.load() is None


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "training.safetensors"
    with pytest.raises(InputError, match=f"cannot write .*{path.name}"):
        Checkpoint(path, KEY).save(STATE)


class Lesson:
    """A training of three epochs that can be stopped, with noise, hidden words and dropout."""

    def __init__(self, trained: Trained, texts: LabelledTexts) -> None:
        known, self._held_out = texts.part(0, 150), texts.part(300, 400)
        self._like, self._encoder = trained.fitted.model, trained.encoder
        self._examples = Examples(trained.encoder.encode(known.column), known.targets)
        self._valid = trained.encoder.encode(self._held_out.column)

    def fit(self, checkpoint: Checkpoint | None = None, stop_at: int | None = None) -> Fitted:
        """Train; stopped in the midst of the epoch after `stop_at`."""

        def stop(step: Step) -> None:
            if step.epoch - 1 == stop_at and step.texts > 64:
                raise KeyboardInterrupt

        def validate(model: TextClassifier) -> Validation:
            return validation(model, self._encoder, self._valid, self._held_out)

        torch.manual_seed(3)
        model = TextClassifier(self._like.config)
        config = replace(TRAINING, epochs=3, adversarial=0.05, word_dropout=0.1)
        state = checkpoint.load() if checkpoint else None
        return fit(
            model, self._examples, validate, config, stop, checkpoint=checkpoint, state=state
        )


def weights(fitted: Fitted) -> torch.Tensor:
    return torch.cat([tensor.flatten() for tensor in fitted.model.state_dict().values()])


@pytest.fixture(scope="module")
def lesson(trained, labelled_texts) -> Lesson:
    return Lesson(trained, labelled_texts)


@pytest.fixture(scope="module")
def uninterrupted(lesson) -> Fitted:
    return lesson.fit()


@pytest.mark.parametrize("behind", [0, 1, 2])
def test_a_training_stopped_within_an_epoch_ends_as_one_that_was_not(
    lesson, uninterrupted, tmp_path, behind
):
    checkpoint = Checkpoint(tmp_path / "checkpoint", KEY)
    with pytest.raises(KeyboardInterrupt):
        lesson.fit(checkpoint, stop_at=behind)
    kept = checkpoint.load()
    assert isinstance(kept, State)  # before the first epoch too: pretraining takes long
    assert len(kept.facts["epochs"]) == behind
    resumed = lesson.fit(checkpoint)
    assert resumed.epochs == uninterrupted.epochs
    assert torch.equal(weights(resumed), weights(uninterrupted))


def test_a_damaged_state_makes_a_training_begin_anew(lesson, uninterrupted, tmp_path):
    checkpoint = Checkpoint(tmp_path / "checkpoint", KEY)
    with pytest.raises(KeyboardInterrupt):
        lesson.fit(checkpoint, stop_at=2)
    damaged = bytearray(checkpoint.path.read_bytes())
    damaged[-40] ^= 0x10
    checkpoint.path.write_bytes(damaged)
    again = lesson.fit(checkpoint)
    assert [epoch.epoch for epoch in again.epochs] == [1, 2, 3]
    assert torch.equal(weights(again), weights(uninterrupted))
    assert isinstance(again.best, Epoch)
