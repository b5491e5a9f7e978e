"""The weights that a training begins with: drawn, from word vectors, or pretrained."""

from dataclasses import asdict

import torch

from scorer.bundles.starting_point import start_from, starting_point
from scorer.network.model import TextClassifier
from scorer.training.listener import Listener
from scorer.training.pretraining import enough_tokens, pretrain
from scorer.training.task import Task
from scorer.training.text_side import TextSide
from scorer.training.word_vectors import use_vectors


def drawn(task: Task, text: TextSide) -> TextClassifier:
    """Return the task's network with weights drawn by its seed, on CUDA where there is one."""
    torch.manual_seed(task.recipe.training.seed)
    model = TextClassifier(task.recipe.model_config(text.vocabulary, len(task.corpus.classes)))
    return model.to("cuda" if torch.cuda.is_available() else "cpu")


def prepare(model: TextClassifier, task: Task, text: TextSide, listener: Listener) -> None:
    """Give a drawn model vectors and pretrained layers, where there are any."""
    vectors, start = task.background.vectors, task.background.start
    if vectors is not None:
        use_vectors(vectors, model, text.vocabulary)
    if start is not None:
        start_from(start, model, text.vocabulary)
    elif vectors is None and task.recipe.pretraining.passes:
        _pretrain(model, task, text, listener)


def _pretrain(model: TextClassifier, task: Task, text: TextSide, listener: Listener) -> None:
    """Pretrain on the training texts and the unlabelled ones, unless there are too few tokens."""
    config, encoded = task.recipe.pretraining, text.encoder.encode(task.texts)
    if not enough_tokens(encoded, config):
        listener.on_note(f"{len(encoded.ids):,} tokens are too few to pretrain on")
        return
    pretrain(model, encoded, config, listener.on_pretraining)
    facts = {"texts": len(encoded), "tokens": len(encoded.ids), **asdict(config)}
    listener.on_start(starting_point(model, text.vocabulary, facts))
