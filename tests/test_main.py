import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tiny_corpora import tiny_learned

from scorer.bundles.bundle import Bundle
from scorer.bundles.store import add, promote
from scorer.cli.main import main


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Bundle]:
    """A store, and the bundle that is in use there."""
    store = tmp_path_factory.mktemp("stores") / "store"
    bundle = add(store, tiny_learned().bundle)
    promote(store, bundle.version)
    return store, bundle


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_each_text_is_shown_with_the_probability_of_each_class(bundle):
    store, _ = bundle
    found = run("predict", "--store", store, "good great lovely", "awful dull", " ")
    assert found.exit_code == 0
    good, bad, blank = found.stdout.splitlines()
    for line, likely, text in (
        (good, "positive", "good great lovely"),
        (bad, "negative", "awful dull"),
    ):
        shown = dict(part.split() for part in line.removesuffix(f"  {text}").split(", "))
        shares = {name: float(share.removesuffix("%")) for name, share in shown.items()}
        assert list(shares) == ["negative", "positive"]
        assert shares[likely] > 50
        assert sum(shares.values()) == pytest.approx(100, abs=0.011)
    assert blank == "negative none, positive none   "


def test_three_classes_are_shown_in_the_bundle_s_order(three_class_bundle):
    found = run("predict", "--bundle", three_class_bundle, "okay")
    assert [part.split()[0] for part in found.stdout.split(", ")] == [
        "negative",
        "neutral",
        "positive",
    ]


def test_the_vocabulary_is_shown_as_the_lecture_looks_at_it(bundle):
    store, loaded = bundle
    found = run("vocabulary", "--store", store, "good", "Supercalifragilistic", "<pad>")
    size, common, first, unknown, *words = found.stdout.splitlines()
    facts = loaded.facts.training["vocabulary"]
    assert size == f"92 tokens of {facts['training_tokens']:,} training tokens"
    token, count = facts["most_frequent"][0]
    assert common.startswith(f"most frequent: {token} {count:,}, ")
    assert common.count(", ") >= 19
    assert first.startswith(f"first ids: 0 <unk>, 1 <pad>, 2 {loaded.vocabulary.tokens[2]}, ")
    assert unknown == f"unknown: {facts['unknown_share']:.2%} of the validation tokens"
    number = loaded.vocabulary.tokens.index("good")
    assert words == [f"good: {number} good", "Supercalifragilistic: 0 <unk>", "<pad>: 0 <unk>"]


def test_versions_are_listed_and_put_in_use(bundle):
    store, loaded = bundle
    accuracy = loaded.facts.metrics["test"]["accuracy"]
    line = f"* {loaded.version}  test accuracy {accuracy:.2%}\n"
    assert run("bundles", store).stdout == line
    assert run("bundles", store, "--use", loaded.version).stdout == line
    refused = run("bundles", store, "--use", "20200101T000000Z-00000000")
    assert refused.exit_code == 4
    assert f"it has: {loaded.version}" in refused.stderr


def test_a_damaged_version_is_told_and_not_put_in_use(bundle, tmp_path):
    store = shutil.copytree(bundle[0], tmp_path / "store")
    damaged = shutil.copytree(store / bundle[1].version, store / "20250101T000000Z-00000000")
    (damaged / "weights.safetensors").write_bytes(b"")
    first, second = run("bundles", store).stdout.splitlines()
    assert first.startswith("  20250101T000000Z-00000000  damaged: ")
    assert second.startswith(f"* {bundle[1].version}  test accuracy ")
    assert run("bundles", store, "--use", damaged.name).exit_code == 4
    assert (store / "CURRENT").read_text().strip() == bundle[1].version


def test_a_store_without_a_version_in_use_is_listed_and_says_how_to_choose(bundle, tmp_path):
    store = shutil.copytree(bundle[0], tmp_path / "store")
    (store / "CURRENT").unlink()
    found = run("bundles", store)
    assert found.stdout.startswith(f"  {bundle[1].version}  test accuracy ")
    assert "--use VERSION" in found.stderr
    assert run("bundles", store, "--use", bundle[1].version).stdout.startswith("* ")


@pytest.mark.parametrize("command", [["predict", "a"], ["vocabulary"]])
def test_what_is_no_bundle_ends_with_the_code_of_bundles(tmp_path, command):
    refused = run(*command, "--bundle", tmp_path)
    assert refused.exit_code == 4
    assert refused.stderr.startswith(f"error: {tmp_path} is not a bundle: it has no bundle.json")
    assert refused.stderr.count("\n") == 1


def test_predict_needs_a_text():
    assert run("predict").exit_code == 2


def test_it_runs_as_a_module(bundle):
    command = [sys.executable, "-m", "scorer", "predict", "--store", str(bundle[0]), "good great"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout == run(*command[3:]).stdout
    assert found.stderr == ""
