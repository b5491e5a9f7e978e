"""The training flow: labelled rows -> vocabulary -> weights -> evaluation -> bundle.

Only training rows shape the vocabulary and the weights, validation rows pick the epoch and the
temperature, test rows give the final figures, by the path that scores. Knows no command line.
"""

from collections.abc import Callable
from pathlib import Path

from scorer.network.inference import Predictor
from scorer.network.model import TextClassifier
from scorer.training.checkpoint import Checkpoint
from scorer.training.first_weights import drawn, prepare
from scorer.training.fitting import Fitted, fit
from scorer.training.learned import Learned, finish
from scorer.training.listener import Listener
from scorer.training.task import Task
from scorer.training.teaching import check_teachers, examples
from scorer.training.text_side import TextSide


def learn(task: Task, listener: Listener, checkpoint: Path | None = None) -> Learned:
    """Train as the task says and evaluate the result.

    With the path of a checkpoint an interrupted training goes on where it stood.
    Raises `UsageError` for a teacher of other classes than the labels'.
    """
    listener.on_corpus(task.corpus)
    check_teachers(task)
    text = TextSide.of(task.corpus.train.texts, task.recipe)
    listener.on_vocabulary(text.vocabulary, text.counts)
    kept = Checkpoint(checkpoint, task.key) if checkpoint else None
    result = finish(task, text, _fitted(task, text, listener, kept), listener)
    listener.on_learned(result)
    return result


def _fitted(task: Task, text: TextSide, listener: Listener, kept: Checkpoint | None) -> Fitted:
    model = drawn(task, text)
    if kept is None or kept.load() is None:  # else the checkpoint has later weights
        prepare(model, task, text, listener)
    return fit(
        model,
        examples(task, text.encoder),
        _valid_accuracy(task, text),
        task.recipe.training,
        listener.on_step,
        listener.on_epoch,
        kept,
    )


def _valid_accuracy(task: Task, text: TextSide) -> Callable[[TextClassifier], float]:
    """Return what tells a model's share of right guesses on the validation rows."""
    valid = text.encoder.encode(task.corpus.valid.texts)

    def accuracy(candidate: TextClassifier) -> float:
        device = next(candidate.parameters()).device.type
        predictor = Predictor(text.encoder, candidate, task.corpus.classes, device=device)
        guesses = predictor.logits(valid).argmax(axis=1)
        return float((guesses == task.corpus.valid.targets).mean())

    return accuracy
