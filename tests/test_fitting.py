from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from tiny_models import TRAINING, LabelledTexts, Trained, validation

from scorer.errors import UsageError
from scorer.network.model import TextClassifier
from scorer.tokens.encoding import Encoded, TextEncoder
from scorer.tokens.vocabulary import PAD_ID
from scorer.training import fitting as training
from scorer.training.checkpoint import Checkpoint
from scorer.training.fitting import Epoch, Examples, Fitted, Step, Validation, fit, refit
from scorer.training.optimisation import rate_factor
from scorer.training.recipe import TrainConfig

SHORT = replace(TRAINING, epochs=2)


@dataclass(frozen=True)
class Lesson:
    """Encoded texts to train on and others to validate on, with a fresh model for each try."""

    encoder: TextEncoder
    examples: Examples
    held_out: LabelledTexts
    valid: Encoded
    like: TextClassifier

    def model(self) -> TextClassifier:
        torch.manual_seed(3)
        return TextClassifier(self.like.config)

    def validate(self, model: TextClassifier) -> Validation:
        return validation(model, self.encoder, self.valid, self.held_out)

    def fit(self, config: TrainConfig = SHORT, examples: Examples | None = None, **more) -> Fitted:
        examples = examples or self.examples
        if "checkpoint" in more:
            more["state"] = more["checkpoint"].load()
        return fit(self.model(), examples, self.validate, config, **more)


@pytest.fixture(scope="module")
def lesson(trained: Trained, labelled_texts: LabelledTexts) -> Lesson:
    known, held_out = labelled_texts.part(0, 300), labelled_texts.part(300, 400)
    examples = Examples(trained.encoder.encode(known.column), known.targets)
    valid = trained.encoder.encode(held_out.column)
    return Lesson(trained.encoder, examples, held_out, valid, trained.fitted.model)


def weights(fitted: Fitted) -> torch.Tensor:
    return weights_of(fitted.model)


def weights_of(model: TextClassifier) -> torch.Tensor:
    return torch.cat([tensor.flatten() for tensor in model.state_dict().values()])


def with_lengths(encoded: Encoded, lengths: np.ndarray) -> Encoded:
    """Return the texts cut to lengths; those past the last text are blank."""
    starts = encoded.offsets[:-1]
    rows = [
        encoded.ids[start : start + length]
        for start, length in zip(starts, lengths[: len(starts)], strict=True)
    ]
    return Encoded(np.concatenate(rows), np.concatenate([[0], np.cumsum(lengths)]))


def test_the_tiny_texts_are_learned(trained):
    epochs = trained.fitted.epochs
    assert trained.fitted.best.valid_accuracy > 0.9
    assert epochs[-1].loss < epochs[len(epochs) // 2].loss < 0.5 * epochs[0].loss
    assert epochs[-1].train_accuracy > epochs[0].train_accuracy


def test_a_seed_gives_the_same_weights_and_figures_again(lesson):
    first, second = lesson.fit(), lesson.fit()
    assert torch.equal(weights(first), weights(second))
    assert first.epochs == second.epochs


def test_a_seed_repeats_whatever_was_drawn_before(lesson):
    first = lesson.fit()
    torch.rand(100)
    np.random.default_rng().random(100)
    assert torch.equal(weights(lesson.fit()), weights(first))


def test_another_seed_gives_other_weights(lesson):
    other = lesson.fit(replace(SHORT, seed=2))
    assert not torch.equal(weights(lesson.fit()), weights(other))


@pytest.mark.parametrize(
    ("losses", "best"), [([0.5, 0.1, 0.3], 2), ([0.1, 0.2, 0.1], 3), ([0.1, 0.2, 0.3], 1)]
)
def test_the_epoch_of_least_validation_loss_is_kept(lesson, losses, best):
    left, seen = iter(losses), []

    def validate(model: TextClassifier) -> Validation:
        seen.append(model.output.weight.clone())
        return Validation(0.9, next(left))

    config = replace(TRAINING, epochs=3)
    fitted = fit(lesson.model(), lesson.examples, validate, config)
    assert fitted.best == fitted.epochs[best - 1]
    assert (fitted.best.epoch, fitted.best.valid_loss) == (best, losses[best - 1])
    assert torch.equal(fitted.model.output.weight, seen[best - 1])
    assert not torch.equal(seen[0], seen[1])


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 6), (5, 8)])
def test_epochs_that_do_not_get_better_end_the_training(lesson, patience, epochs):
    left = iter([0.5, 0.4, 0.45, 0.3, 0.35, 0.36, 0.37, 0.38])
    config = replace(TRAINING, epochs=8, patience=patience)
    fitted = fit(lesson.model(), lesson.examples, lambda model: Validation(0, next(left)), config)
    assert len(fitted.epochs) == epochs


def test_a_short_training_s_average_has_forgotten_the_initial_weights(lesson):
    before = weights_of(lesson.model())
    config = replace(SHORT, batch_size=75)  # eight steps
    plain = weights(lesson.fit(replace(config, averaging=0.0)))
    averaged = weights(lesson.fit(config))
    assert (averaged - plain).norm() < 0.5 * (plain - before).norm()


def test_refitting_takes_the_steps_of_the_epochs_that_were_chosen(lesson):
    config = replace(TRAINING, epochs=3)
    chosen = lesson.fit(config)
    chosen = replace(chosen, best=chosen.epochs[1])
    steps: list[Step] = []
    again = refit(lesson.model(), lesson.examples, chosen, config, steps.append)
    assert {step.epoch for step in steps} == {1, 2}
    assert again.epochs == chosen.epochs
    left = iter([0.2, 0.1, 0.3])
    second = fit(lesson.model(), lesson.examples, lambda m: Validation(0, next(left)), config)
    assert torch.equal(weights(again), weights(second))


def test_the_kept_model_is_ready_to_score(lesson):
    assert not lesson.fit().model.training


@pytest.mark.parametrize(
    "change",
    [
        {"averaging": 0.0},
        {"averaging": 0.05},
        {"adversarial": 0.05},
        {"word_dropout": 0.1},
        {"label_smoothing": 0.1},
        {"decay": False},
        {"warm_up": 0.0},
        {"warm_up": 1.0},
        {"gradient_norm": 0.0},
        {"gradient_norm": 0.1},
        {"batch_size": 17},
        {"batch_size": 1000, "learning_rate": 0.05, "epochs": 30},
        {"max_tokens": 12},
        {"max_tokens": None},
    ],
    ids=str,
)
def test_every_setting_trains(lesson, change):
    fitted = lesson.fit(replace(TRAINING, **change))
    assert fitted.best.valid_accuracy > 0.8
    assert fitted.epochs[-1].loss < fitted.epochs[0].loss


@pytest.mark.parametrize(
    "change",
    [
        {"averaging": 0.01},
        {"adversarial": 0.05},
        {"word_dropout": 0.1},
        {"label_smoothing": 0.1},
        {"decay": False},
        {"warm_up": 0.5},
        {"gradient_norm": 0.01},
        {"max_tokens": 3},
        {"through_padding": True},
    ],
    ids=str,
)
def test_every_setting_makes_a_difference(lesson, change):
    assert not torch.equal(weights(lesson.fit()), weights(lesson.fit(replace(SHORT, **change))))


@pytest.mark.parametrize("low_precision", [False, True], ids=["float32", "bfloat16"])
def test_both_precisions_learn_and_keep_float32_weights(lesson, monkeypatch, low_precision):
    if low_precision and not training.has_fast_bfloat16(torch.device("cpu")):
        pytest.skip("no fast bfloat16 on this machine")
    monkeypatch.setattr(training, "has_fast_bfloat16", lambda device: low_precision)
    fitted = lesson.fit(TRAINING)
    assert fitted.best.valid_accuracy > 0.9
    assert {tensor.dtype for tensor in fitted.model.parameters()} == {torch.float32}


def test_a_teachers_probabilities_are_learned_as_classes_are(lesson):
    sure = np.eye(2, dtype=np.float32)[lesson.examples.targets] * 0.8 + 0.1
    fitted = lesson.fit(TRAINING, Examples(lesson.examples.encoded, sure.astype(np.float32)))
    assert fitted.best.valid_accuracy > 0.9
    assert fitted.epochs[-1].train_accuracy > 0.9
    assert fitted.epochs[-1].loss > 0.3  # the teacher's own entropy


def test_texts_without_a_token_change_nothing(lesson):
    lengths = np.concatenate([lesson.examples.encoded.lengths, [0, 0, 0]])
    encoded = with_lengths(lesson.examples.encoded, lengths)
    targets = np.concatenate([lesson.examples.targets, [1, 0, 1]])
    fitted = lesson.fit(examples=Examples(encoded, targets))
    assert torch.equal(weights(fitted), weights(lesson.fit()))


def test_nothing_past_max_tokens_is_learned_from(lesson, monkeypatch):
    monkeypatch.setattr(training, "has_fast_bfloat16", lambda device: False)
    encoded, targets = lesson.examples.encoded, lesson.examples.targets
    shortened = with_lengths(encoded, np.minimum(encoded.lengths, 4))

    def first_loss(encoded: Encoded, max_tokens: int | None) -> float:
        model = TextClassifier(replace(lesson.like.config, dropout=0.0))
        model.load_state_dict(lesson.like.state_dict())
        config = TrainConfig(epochs=1, batch_size=300, max_tokens=max_tokens)
        return fit(
            model, Examples(encoded, targets), lambda model: Validation(0, 0), config
        ).best.loss

    assert first_loss(encoded, 4) == pytest.approx(first_loss(shortened, None), abs=1e-6)
    assert first_loss(encoded, None) != pytest.approx(first_loss(shortened, None), abs=0.01)


@pytest.mark.parametrize("change", [{}, {"adversarial": 0.05}], ids=["plain", "adversarial"])
def test_the_padding_token_is_never_learned(lesson, change):
    before = lesson.model().embedding.weight[PAD_ID]
    after = lesson.fit(replace(SHORT, averaging=0.0, **change)).model.embedding.weight[PAD_ID]
    assert torch.equal(before, after)


def test_steps_tell_how_far_an_epoch_is(lesson):
    steps: list[Step] = []
    epochs: list[Epoch] = []
    fitted = lesson.fit(on_step=steps.append, on_epoch=epochs.append)
    assert tuple(epochs) == fitted.epochs
    assert [epoch.epoch for epoch in epochs] == [1, 2]
    assert len(steps) == 2 * -(-300 // SHORT.batch_size)
    assert [step.texts for step in steps if step.epoch == 1][-1] == 300
    assert steps[0].seconds_left > 0 == steps[-1].seconds_left
    assert steps[-1].loss == epochs[-1].loss
    assert steps[-1].accuracy == epochs[-1].train_accuracy
    assert all(step.texts_per_second > 0 for step in steps)


@pytest.mark.parametrize("warm_up", [0.0, 0.1, 1.0])
def test_the_rate_rises_to_one_and_falls_to_nearly_nought(warm_up):
    rate = rate_factor(TrainConfig(warm_up=warm_up), 200)
    factors = np.array([rate(step) for step in range(200)])
    top = factors.argmax()
    assert factors[top] == pytest.approx(1, abs=0.01)
    assert (np.diff(factors[: top + 1]) >= 0).all()
    assert (np.diff(factors[top:]) <= 0).all()
    assert (factors > 0).all()
    assert factors[-1] < 0.02 or warm_up == 1


def test_without_decay_the_rate_stays():
    rate = rate_factor(TrainConfig(warm_up=0.1, decay=False), 100)
    assert [rate(step) for step in (10, 50, 99)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("setting", "value"), [("epochs", 0), ("batch_size", -1), ("learning_rate", 0.0)]
)
def test_a_setting_that_cannot_be_names_its_option(setting, value):
    option = setting.replace("_", "-")
    with pytest.raises(UsageError, match=f"--{option} {value}: give a number above 0"):
        TrainConfig(**{setting: value})


@pytest.mark.parametrize("change", [{}, {"averaging": 0.0, "word_dropout": 0.1}], ids=str)
@pytest.mark.parametrize("interrupted", [1, 3])
def test_an_interrupted_training_ends_as_one_that_was_not(lesson, tmp_path, change, interrupted):
    config = replace(TRAINING, epochs=3, **change)
    whole = lesson.fit(config)
    checkpoint = Checkpoint(tmp_path / "checkpoint", "this training")

    def stop(epoch: Epoch) -> None:
        if epoch.epoch == interrupted:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lesson.fit(config, on_epoch=stop, checkpoint=checkpoint)
    again: list[Epoch] = []
    resumed = lesson.fit(config, on_epoch=again.append, checkpoint=checkpoint)
    assert [epoch.epoch for epoch in again] == list(range(interrupted, 4))
    assert resumed.epochs == whole.epochs
    assert torch.equal(weights(resumed), weights(whole))


def test_a_finished_training_is_not_done_again(lesson, tmp_path):
    checkpoint = Checkpoint(tmp_path / "checkpoint", "this training")
    whole = lesson.fit(checkpoint=checkpoint)
    steps: list[Step] = []
    again = lesson.fit(checkpoint=checkpoint, on_step=steps.append)
    assert steps == []
    assert again.epochs == whole.epochs
    assert torch.equal(weights(again), weights(whole))


def test_the_checkpoint_of_another_training_is_not_taken(lesson, tmp_path):
    path = tmp_path / "checkpoint"
    lesson.fit(replace(SHORT, seed=9), checkpoint=Checkpoint(path, "another training"))
    fitted = lesson.fit(checkpoint=Checkpoint(path, "this training"))
    assert torch.equal(weights(fitted), weights(lesson.fit()))
