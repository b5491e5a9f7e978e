import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from scorer.bundles.pretrained_encoder import (
    PretrainedEncoder,
    apply_encoder,
    extract_encoder,
    load_encoder,
    write_encoder,
)
from scorer.bundles.store import add_encoder, versions
from scorer.errors import BundleError, UsageError
from scorer.network.model import ModelConfig, TextClassifier
from scorer.tokens.vocabulary import SPECIALS, Vocabulary

OLD = Vocabulary((*SPECIALS, "the", "film", "good", "naïve 😀"))
NEW = Vocabulary((*SPECIALS, "good", "new", "the"))
CONFIG = ModelConfig(len(OLD), 2, 6, 10)


def model(seed: int, **changes: object) -> TextClassifier:
    torch.manual_seed(seed)
    return TextClassifier(replace(CONFIG, **changes))


@pytest.fixture
def point() -> PretrainedEncoder:
    return extract_encoder(model(1), OLD, {"texts": 3, "tokens": 40})


@pytest.fixture
def folder(point, tmp_path) -> Path:
    write_encoder(point, tmp_path / "start")
    return tmp_path / "start"


def test_the_output_layer_is_no_part_of_it(point):
    assert {name.split(".")[0] for name in point.weights} == {"embedding", "recurrent"}
    assert {tensor.dtype for tensor in point.weights.values()} == {torch.float16}


def test_tokens_that_both_vocabularies_have_are_carried_over(point):
    pretrained = model(1).state_dict()
    taught, before = model(2, vocabulary_size=len(NEW)), model(2, vocabulary_size=len(NEW))
    assert apply_encoder(point, taught, NEW) == 4
    found = taught.embedding.weight
    for token in (*SPECIALS, "good", "the"):
        expected = pretrained["embedding.weight"][OLD.tokens.index(token)].half().float()
        assert torch.equal(found[NEW.tokens.index(token)], expected), token
    known = pretrained["embedding.weight"].half().float()
    torch.testing.assert_close(found[3], before.embedding.weight[3] * 0.3 * known.std())  # "new"


def test_a_new_token_begins_with_the_vector_of_its_other_spelling(point):
    vocabulary = Vocabulary((*SPECIALS, "FILM", "goooood"))
    taught = model(2, vocabulary_size=len(vocabulary))
    assert apply_encoder(point, taught, vocabulary) == 2  # known as they are: the specials
    known = [OLD.tokens.index(token) for token in ("film", "good")]
    assert torch.equal(
        taught.embedding.weight[2:], point.weights["embedding.weight"][known].float()
    )


def test_the_recurrent_layer_is_carried_over_and_the_output_stays(point):
    taught, before = model(2), model(2)
    apply_encoder(point, taught, OLD)
    for name, tensor in taught.state_dict().items():
        kept = before if name.startswith("output") else model(1)
        expected = kept.state_dict()[name]
        assert torch.equal(tensor, expected.half().float() if kept is not before else expected)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"embedding_dim": 7}, r"embedding\.weight is \(6,\), the model's \(7,\)"),
        ({"hidden_dim": 11}, r"recurrent\.\S+ is \(40, \S+\), the model's \(44, \S+\)"),
        ({"cell": "gru"}, r"recurrent\.\S+ is \(40, \S+\), the model's \(30, \S+\)"),
    ],
    ids=str,
)
def test_other_sizes_are_refused_with_the_options_that_set_them(point, changes, where):
    with pytest.raises(UsageError, match=f"the pretrained encoder's {where}") as refused:
        apply_encoder(point, model(2, **changes), OLD)
    assert refused.value.hint.startswith("--cell, --embedding-dim and --hidden-dim must be")


def test_a_folder_holds_all_of_it(point, folder):
    loaded = load_encoder(folder)
    assert loaded.vocabulary.tokens == OLD.tokens
    assert loaded.facts == point.facts
    assert set(loaded.weights) == set(point.weights)
    assert all(torch.equal(loaded.weights[name], point.weights[name]) for name in point.weights)


def test_the_digest_is_that_of_the_content(point, folder, tmp_path):
    write_encoder(point, tmp_path / "again")
    write_encoder(replace(point, facts={"texts": 4}), tmp_path / "other")
    first, again, other = (
        load_encoder(path).digest for path in (folder, tmp_path / "again", tmp_path / "other")
    )
    assert first == again != other


@pytest.mark.parametrize("name", ["weights.safetensors", "vocabulary.txt"])
def test_a_changed_byte_is_noticed(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[-2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(BundleError, match=f"{name} was changed or damaged: its digest differs"):
        load_encoder(folder)


@pytest.mark.parametrize("name", ["start.json", "weights.safetensors", "vocabulary.txt"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"is not a pretrained encoder: No such file .*{name}"):
        load_encoder(folder)


@pytest.mark.parametrize("name", ["start.json", "nothing"])
def test_what_is_no_folder_is_told_so(folder, name):
    with pytest.raises(BundleError, match=f"{name} is not a pretrained encoder"):
        load_encoder(folder / name)


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: "not JSON",
        lambda manifest: "[]",
        lambda manifest: "{}",
        lambda manifest: json.dumps({**manifest, "format_version": 2}),
        lambda manifest: json.dumps({**manifest, "files": {}}),
        lambda manifest: json.dumps({k: v for k, v in manifest.items() if k != "facts"}),
    ],
)
def test_a_manifest_that_is_not_ours_is_refused(folder, change):
    path = folder / "start.json"
    path.write_text(change(json.loads(path.read_bytes())))
    with pytest.raises(BundleError, match=r"start\.json: .*--unlabelled FILE makes a new one"):
        load_encoder(folder)


def test_a_store_keeps_it_beside_its_versions(point, tmp_path):
    (tmp_path / ".unfinished").mkdir()  # left by a run that was killed
    folder = add_encoder(tmp_path, point)
    digest = load_encoder(folder).digest
    assert folder.parent == tmp_path
    assert folder.name.startswith("pretrained-")
    assert folder.name.endswith(digest[:8])
    assert versions(tmp_path) == []
    assert list(tmp_path.iterdir()) == [folder]
