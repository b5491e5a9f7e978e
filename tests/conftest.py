"""Fixtures and settings that all tests share.

What is heavy is imported where it is used: tests that need no model start at once.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from object_store import ObjectStore
    from tiny_models import LabelledTexts, Trained

    from scorer.network.inference import Predictor

os.environ.setdefault("OMP_NUM_THREADS", "1")  # so small, models are slower on several cores
settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def labelled_texts() -> "LabelledTexts":
    """Four hundred generated texts, negative or positive."""
    from tiny_models import write_texts

    return write_texts(("negative", "positive"), 400, seed=7)


@pytest.fixture(scope="session")
def trained(labelled_texts: "LabelledTexts") -> "Trained":
    """The training that `tiny_bundle` was written from."""
    from tiny_models import train

    return train(labelled_texts)


@pytest.fixture(scope="session")
def tiny_bundle(trained: "Trained", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a two-class bundle; read it only, or copy it first."""
    from scorer.bundles.bundle_files import write_bundle

    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    write_bundle(trained.bundle, folder)
    return folder


@pytest.fixture(scope="session")
def three_class_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a bundle of the classes negative, neutral and positive; read it only."""
    from tiny_models import WORDS, train, write_texts

    from scorer.bundles.bundle_files import write_bundle

    folder = tmp_path_factory.mktemp("bundles") / "three"
    write_bundle(train(write_texts(tuple(WORDS), 450, seed=8)).bundle, folder)
    return folder


@pytest.fixture(scope="session")
def tiny_predictor(tiny_bundle: Path) -> "Predictor":
    """The predictor of `tiny_bundle`, in float32 on the CPU."""
    from scorer.bundles.bundle_files import load_bundle
    from scorer.bundles.predictor import load_predictor

    return load_predictor(load_bundle(tiny_bundle), device="cpu")


@pytest.fixture(scope="session")
def object_server() -> "Iterator[ObjectStore]":
    """A running S3-compatible server."""
    from object_store import running_store

    with running_store() as store:
        yield store


@pytest.fixture
def object_store(
    object_server: "ObjectStore", monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> "ObjectStore":
    """The server with an empty bucket, to which the environment leads, and a folder for state."""
    for name, value in object_server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SCORER_STATE", str(tmp_path / "state"))
    object_server.empty()
    return object_server
