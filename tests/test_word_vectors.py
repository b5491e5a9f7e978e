from pathlib import Path

import numpy as np
import pytest
import torch

from scorer.errors import InputError, UsageError
from scorer.network.model import ModelConfig, TextClassifier
from scorer.tokens.vocabulary import SPECIALS, Vocabulary
from scorer.training.initialisation import apply_vectors
from scorer.training.word_vectors import shipped_vectors

WORDS = Vocabulary((*SPECIALS, "the", "The", "Film", "film", "NAÏVE", "unseen", "Unseen"))
GLOVE = "the 1 2.5 -3e-2\nThe 4 5 6\nfilm 7 8 9\nnaïve .1 .2 .3\nother 0 0 0\n"


@pytest.fixture
def model() -> TextClassifier:
    torch.manual_seed(0)
    return TextClassifier(ModelConfig(len(WORDS), 2, 3, 4))


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "glove.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_tokens_get_their_vectors_as_they_are_or_else_in_lower_case(tmp_path, model):
    before = model.embedding.weight.detach().clone()
    assert apply_vectors(write(tmp_path, GLOVE), model, WORDS) == 5
    after = dict(zip(WORDS.tokens, model.embedding.weight.tolist(), strict=True))
    assert after["the"] == pytest.approx([1, 2.5, -0.03])
    assert after["The"] == [4, 5, 6]
    assert after["film"] == after["Film"] == [7, 8, 9]
    assert after["NAÏVE"] == pytest.approx([0.1, 0.2, 0.3])
    for token in (*SPECIALS, "unseen", "Unseen"):
        assert after[token] == before[WORDS.tokens.index(token)].tolist()


def test_nothing_else_of_the_model_is_changed(tmp_path, model):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    apply_vectors(write(tmp_path, GLOVE), model, WORDS)
    changed = {n for n, t in model.state_dict().items() if not torch.equal(t, before[n])}
    assert changed == {"embedding.weight"}
    assert model.embedding.weight.requires_grad


def test_a_header_line_is_passed_over(tmp_path, model):
    assert apply_vectors(write(tmp_path, f"5 3\n{GLOVE}"), model, WORDS) == 5
    assert model.embedding.weight[2].tolist() == pytest.approx([1, 2.5, -0.03])


def test_a_file_without_a_known_token_changes_nothing(tmp_path, model):
    before = model.embedding.weight.detach().clone()
    assert apply_vectors(write(tmp_path, "x 1 2 3\ny 4 5 6\n"), model, WORDS) == 0
    assert torch.equal(model.embedding.weight, before)


def test_reading_is_silent_and_leaves_no_file(tmp_path, model, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, GLOVE)
    apply_vectors(Path("glove.txt"), model, WORDS)
    assert capfd.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_was_changed_is_read_again(tmp_path, model):
    apply_vectors(write(tmp_path, GLOVE), model, WORDS)
    apply_vectors(write(tmp_path, "film 1 1 1\nthe 2 2 2\n"), model, WORDS)
    assert model.embedding.weight[5].tolist() == [1, 1, 1]


def test_another_width_is_refused_with_the_option_that_fits(tmp_path, model):
    with pytest.raises(UsageError) as refused:
        apply_vectors(write(tmp_path, "film 1 2 3 4\nthe 3 4 5 6\n"), model, WORDS)
    assert "has vectors of 4, the embedding is 3 wide. --embedding-dim 4 fits" in str(refused.value)


def test_no_file_is_told_so(tmp_path, model):
    with pytest.raises(InputError, match=r"there is no file .*nothing\.txt"):
        apply_vectors(tmp_path / "nothing.txt", model, WORDS)


@pytest.mark.parametrize(
    "text",
    ["", "\n", "one word a line\n", "film 1 2 3\nthe 1 2\n", "a 1 2 3\nb 1 x 3\n", b"\xff\xfe\0"],
)
def test_what_is_no_file_of_vectors_is_refused(tmp_path, model, text):
    with pytest.raises(InputError, match=r"glove\.txt is not a file of word vectors: .*GloVe"):
        apply_vectors(write(tmp_path, text), model, WORDS)


def test_the_vectors_that_ship_are_near_where_meanings_are():
    vectors = shipped_vectors("en")
    assert np.square(vectors.vectors).sum(axis=1).mean() == pytest.approx(1, rel=1e-3)
    units = vectors.of(["Doctor", "physician", "bicycle", "doctor", "", "zzzxqq"])
    assert np.array_equal(units[0], units[3])
    assert not units[4:].any()
    units = units[:3] / np.linalg.norm(units[:3], axis=1, keepdims=True)
    assert units[0] @ units[1] > 0.4 > 0.2 > units[0] @ units[2]
    assert shipped_vectors("xx") is None
