import hashlib
import json
import os
import pickle
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load as load_tensors

import scorer
from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import FILES as REQUIRED
from scorer.bundles.bundle_files import MANIFEST, TOKENISER, _digest, load_bundle, write_bundle
from scorer.bundles.golden import golden_rows
from scorer.bundles.predictor import load_predictor, text_encoder_of
from scorer.bundles.store import DEFAULT_BUNDLE
from scorer.bundles.weights import EXPONENTS
from scorer.errors import BundleError
from scorer.network.inference import Predictor
from scorer.network.linear import NO_WORD, LinearTerm, Subwords, Terms
from scorer.tokens.encoding import TextEncoder
from scorer.tokens.vocabulary import Vocabulary

FILES = (*REQUIRED, TOKENISER)  # of the tiny bundle
ALL_FILES = (MANIFEST, *FILES)
SHOWN_ONLY = ("history.csv", "report.html")  # no score depends on them
Json = dict[str, Any]


@pytest.fixture
def folder(tiny_bundle, tmp_path) -> Path:
    """A copy of the tiny bundle to do harm to."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


def use(folder: Path) -> Predictor:
    """Load a bundle as a job does: verify, build, score the golden rows."""
    bundle = load_bundle(folder)
    predictor = load_predictor(bundle, device="cpu")
    bundle.golden.check(predictor)
    return predictor


def edit(folder: Path, change: Callable[[Json], None]) -> None:
    """Change bundle.json as a hand would: the digest stays."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def forge(folder: Path, change: Callable[[Json], Any] = lambda content: None) -> None:
    """Change a bundle's content and make sizes and digests fit, as its author could."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    for name, entry in manifest["content"]["files"].items():
        data = (folder / name).read_bytes()
        entry.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    change(manifest["content"])
    manifest["digest"] = _digest(manifest["content"])
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def assert_refused(folder: Path, message: str) -> None:
    """Expect one line of a `BundleError` that matches a regular expression."""
    with pytest.raises(BundleError, match=message or None) as refused:
        use(folder)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 4


def test_a_vocabulary_that_is_not_the_model_s_is_refused(folder):
    with (folder / "vocabulary.txt").open("a") as file:
        file.write("onemore\n")
    forge(folder)
    assert_refused(folder, r"vocabulary.txt has \d+ tokens, the model \d+")


def test_a_bundle_that_may_not_be_read_is_refused(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert_refused(folder, r"cannot read .*bundle.json: Permission denied")


# What is written is what is loaded


def test_a_bundle_loads_as_it_was_written(trained, tiny_bundle):
    loaded, written = load_bundle(tiny_bundle), trained.bundle
    assert loaded.facts == written.facts
    assert loaded.vocabulary.tokens == written.vocabulary.tokens
    assert loaded.cached_pieces.to_table() == written.cached_pieces.to_table()
    assert loaded.golden.texts == written.golden.texts
    assert np.array_equal(loaded.golden.probabilities, written.golden.probabilities)
    assert loaded.history == written.history
    assert loaded.report == written.report
    assert loaded.weights.keys() == written.weights.keys()
    assert all(torch.equal(loaded.weights[name], written.weights[name]) for name in loaded.weights)


def test_a_loaded_bundle_scores_as_the_trained_model_did(trained, tiny_bundle, labelled_texts):
    exact = Predictor(trained.encoder, trained.bundle.model(), trained.bundle.classes, 1.25)
    encoded = exact.encode(labelled_texts.column)
    found = use(tiny_bundle).predict(encoded).probabilities
    assert np.array_equal(found, exact.predict(encoded).probabilities)


def test_three_classes_keep_their_order(three_class_bundle):
    assert use(three_class_bundle).classes == ("negative", "neutral", "positive")


def test_weights_are_float16_and_the_model_reads_them_as_float32(tiny_bundle):
    bundle = load_bundle(tiny_bundle)
    assert {tensor.dtype for tensor in bundle.weights.values()} == {torch.float16}
    assert {tensor.dtype for tensor in bundle.model().parameters()} == {torch.float32}
    assert not bundle.model().training


def test_the_folder_holds_the_documented_files_alone(tiny_bundle):
    assert sorted(path.name for path in tiny_bundle.iterdir()) == sorted(ALL_FILES)


def test_all_but_weights_and_pieces_is_text(tiny_bundle):
    for name in set(ALL_FILES) - {"weights.safetensors", "pieces.parquet"}:
        assert (tiny_bundle / name).read_text(encoding="utf-8")


def test_a_line_of_the_vocabulary_is_a_token(tiny_bundle):
    lines = (tiny_bundle / "vocabulary.txt").read_bytes().decode().split("\n")
    assert tuple(lines[:-1]) == load_bundle(tiny_bundle).vocabulary.tokens


def test_the_version_is_the_time_and_the_digests_first_digits(tiny_bundle):
    bundle = load_bundle(tiny_bundle)
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{8}", bundle.version)
    assert bundle.version.endswith(bundle.digest[:8])


def test_the_same_content_has_the_same_digest_whenever_it_is_written(
    trained, tiny_bundle, tmp_path
):
    write_bundle(trained.bundle, tmp_path / "again")
    assert load_bundle(tmp_path / "again").digest == load_bundle(tiny_bundle).digest


def test_other_content_has_another_digest(trained, tiny_bundle, tmp_path):
    other = replace(trained.bundle, facts=replace(trained.bundle.facts, temperature=1.26))
    write_bundle(other, tmp_path / "other")
    assert load_bundle(tmp_path / "other").digest != load_bundle(tiny_bundle).digest


def test_odd_names_survive(trained, tmp_path):
    odd = replace(trained.bundle.facts, text_column='Text, "é" 😀\n', label_column="")
    write_bundle(replace(trained.bundle, facts=odd), tmp_path / "odd")
    assert load_bundle(tmp_path / "odd").facts == odd


def test_a_folder_that_is_there_is_not_written_into(trained, tiny_bundle):
    with pytest.raises(FileExistsError):
        write_bundle(trained.bundle, tiny_bundle)


# Files damaged, missing, swapped


@pytest.mark.parametrize("place", [0, 0.5, 1], ids=["first", "middle", "last"])
@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_is_refused_by_its_file(folder, name, place):
    data = bytearray((folder / name).read_bytes())
    data[int(place * (len(data) - 1))] ^= 1
    (folder / name).write_bytes(data)
    assert_refused(folder, f"{name} was changed or damaged: its digest differs")


def test_a_flipped_byte_anywhere_in_the_manifest_is_refused(folder):
    data = (folder / MANIFEST).read_bytes()
    for place in range(0, len(data), 7):
        flipped = bytearray(data)
        flipped[place] ^= 0x10
        (folder / MANIFEST).write_bytes(flipped)
        assert_refused(folder, MANIFEST)


@pytest.mark.parametrize("keep", [0, 0.5, 1], ids=["to nothing", "by half", "by two bytes"])
@pytest.mark.parametrize("name", ALL_FILES)
def test_a_truncated_file_is_refused_by_its_name(folder, name, keep):
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: int(keep * (len(data) - 2))])
    assert_refused(folder, name)


@pytest.mark.parametrize("name", FILES)
def test_a_longer_file_is_refused_by_its_name(folder, name):
    size = (folder / name).stat().st_size
    with (folder / name).open("ab") as file:
        file.write(b"\n")
    assert_refused(folder, f"{name} has {size + 1} bytes, not {size}")


@pytest.mark.parametrize("name", ALL_FILES)
def test_a_missing_file_is_refused_by_its_name(folder, name):
    (folder / name).unlink()
    assert_refused(folder, name)


@pytest.mark.parametrize("name", ALL_FILES)
def test_a_folder_in_a_files_place_is_refused(folder, name):
    (folder / name).unlink()
    (folder / name).mkdir()
    assert_refused(folder, name)


@pytest.mark.parametrize("name", FILES)
def test_a_link_to_elsewhere_is_refused(folder, tmp_path, name):
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    assert_refused(folder, f"{name} is missing or not a regular file")


def test_a_pipe_in_a_files_place_is_refused_and_not_waited_for(folder):
    (folder / "golden.csv").unlink()
    os.mkfifo(folder / "golden.csv")
    assert_refused(folder, "golden.csv is missing or not a regular file")


@pytest.mark.parametrize("name", [".hidden", "weights.pt", "CURRENT", "sub"])
def test_an_extra_file_is_refused_by_its_name(folder, name):
    (folder / name).mkdir() if name == "sub" else (folder / name).write_text("")
    assert_refused(folder, f"{name} is not of this bundle")


@pytest.mark.parametrize("name", ["history.csv", "report.html", "vocabulary.txt"])
def test_swapped_files_are_refused(folder, name):
    (folder / name).rename(folder / "aside")
    (folder / "golden.csv").rename(folder / name)
    (folder / "aside").rename(folder / "golden.csv")
    assert_refused(folder, "bytes, not")


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_bundle_is_refused(folder, three_class_bundle, name):
    other = (three_class_bundle / name).read_bytes()
    if other != (folder / name).read_bytes():
        (folder / name).write_bytes(other)
        assert_refused(folder, name)


def test_the_manifest_of_another_bundle_is_refused(folder, three_class_bundle):
    shutil.copy(three_class_bundle / MANIFEST, folder)
    assert_refused(folder, "weights.safetensors has")


def test_what_is_no_bundle_is_told_so(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    assert_refused(tmp_path / "empty", f"empty is not a bundle: it has no {MANIFEST}")
    for name in ("nowhere", "file"):
        assert_refused(tmp_path / name, f"there is no folder {tmp_path / name}")


@settings(max_examples=100)
@given(data=st.data())
def test_any_damage_to_any_file_is_a_bundle_error(data, tiny_bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged") / "bundle"
    shutil.copytree(tiny_bundle, folder)
    path = folder / data.draw(st.sampled_from(FILES))
    whole = path.read_bytes()
    start, stop = sorted(data.draw(st.integers(0, len(whole))) for _ in "ab")
    piece = data.draw(st.one_of(st.just(b""), st.just(whole[start:stop] * 2), st.binary()))
    damaged = whole[:start] + piece + whole[stop:]
    path.write_bytes(damaged)
    if damaged != whole:
        assert_refused(folder, path.name)
    shutil.rmtree(folder)


@settings(max_examples=100)
@given(data=st.data())
def test_any_damage_to_the_manifest_is_a_bundle_error_or_changes_nothing(
    data, tiny_bundle, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("damaged") / "bundle"
    shutil.copytree(tiny_bundle, folder)
    whole = (folder / MANIFEST).read_bytes()
    start, stop = sorted(data.draw(st.integers(0, len(whole))) for _ in "ab")
    piece = data.draw(st.one_of(st.just(b""), st.just(whole[start:stop] * 2), st.binary()))
    (folder / MANIFEST).write_bytes(whole[:start] + piece + whole[stop:])
    try:
        assert load_bundle(folder).facts == load_bundle(tiny_bundle).facts  # white space
    except BundleError as error:
        assert MANIFEST in str(error)
    shutil.rmtree(folder)


# bundle.json changed by hand


@pytest.mark.parametrize("version", [7, 0, 1.5, "1", None, [1]])
def test_another_format_version_is_refused_before_anything_else(folder, version):
    (folder / MANIFEST).write_text(json.dumps({"format_version": version, "novelty": 1}))
    reads = "this program reads 6 and older.*newer version of this program"
    assert_refused(folder, f"format version .*, {reads}")


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '"x"', "{}", "\0", "[" * 100_000])
def test_a_manifest_that_is_none_is_refused(folder, text):
    (folder / MANIFEST).write_text(text)
    assert_refused(folder, MANIFEST)


def test_a_manifest_that_is_not_text_is_refused(folder):
    (folder / MANIFEST).write_bytes(b'{"format_version": "\xff"}')
    assert_refused(folder, f"{MANIFEST} is not JSON")


def test_a_manifest_of_absurd_size_is_not_read(folder):
    with (folder / MANIFEST).open("ab") as file:
        file.truncate(1 << 40)
    assert_refused(folder, f"{MANIFEST} is 1099511627776 bytes long")


@pytest.mark.parametrize("field", ["created", "digest", "content", "format_version"])
def test_a_manifest_without_a_field_is_refused_by_its_name(folder, field):
    edit(folder, lambda manifest: manifest.pop(field))
    assert_refused(folder, field.replace("_", " "))


def test_an_unknown_field_of_the_manifest_is_refused_by_its_name(folder):
    edit(folder, lambda manifest: manifest.update(novelty=1))
    assert_refused(folder, "unknown novelty")


def test_an_unknown_field_of_the_content_is_refused_by_its_name(folder):
    forge(folder, lambda content: content.update(novelty=1))
    assert_refused(folder, "content: unknown novelty")


def test_each_field_of_the_content_may_neither_go_nor_change(folder, tiny_bundle):
    content = json.loads((tiny_bundle / MANIFEST).read_text())["content"]
    for field in content:
        shutil.copy(tiny_bundle / MANIFEST, folder)
        edit(folder, lambda manifest, field=field: manifest["content"].update({field: "x"}))
        assert_refused(folder, "was changed after it was written: its digest differs")
        shutil.copy(tiny_bundle / MANIFEST, folder)
        forge(folder, lambda content, field=field: content.pop(field))
        assert_refused(folder, f"content: missing {field}")


@pytest.mark.parametrize(
    "created", [None, 5, "", "yesterday", "../../../tmp/x", "20260101T000000Z/.."]
)
def test_a_creation_time_that_is_none_is_refused(folder, created):
    edit(folder, lambda manifest: manifest.update(created=created))
    assert_refused(folder, "created")


# Bundles whose digests fit but whose content does not


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/passwd", "..", "", "weights.pt", "sub/golden.csv"]
)
def test_a_file_name_that_is_not_of_the_format_is_refused(folder, tmp_path, name):
    (tmp_path / "evil").write_text("")
    forge(folder, lambda content: content["files"].update({name: content["files"]["golden.csv"]}))
    assert_refused(folder, f"files: unknown {re.escape(name)}")


@pytest.mark.parametrize("entry", [None, [], "x", {}, {"bytes": 5}, {"bytes": "5", "sha256": 5}])
def test_a_file_entry_that_is_none_is_refused_by_its_name(folder, entry):
    forge(folder, lambda content: content["files"].update({"golden.csv": entry}))
    assert_refused(folder, "golden.csv")


@pytest.mark.parametrize("size", [10**18, -1, 0, 1e300])
def test_an_absurd_size_is_refused_without_reading(folder, size):
    forge(folder, lambda content: content["files"]["weights.safetensors"].update(bytes=size))
    assert_refused(folder, r"weights.safetensors has \d+ bytes, not")


FORGERIES = {
    "classes": ["positive", 5, [], ["positive"], ["a", "a"], ["a", "b", "c"], [1, 2], [None, None]],
    "label_values": [None, [], "x"],
    "text_column": [None, 5],
    "label_column": [None, []],
    "rules": [None, {}, [], {"language": "xx-none"}, {"language": 5, "strip_markup": True}],
    "model": [None, {}, {"vocabulary_size": 5}],
    "temperature": [None, "x", 0, -1, float("nan"), float("inf"), 10**400],
    "training": [None, 5],
    "metrics": [None, "x"],
    "files": [None, [], {}],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in FORGERIES.items() for value in values]
)
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_a_forged_field_is_refused(folder, field, value):
    forge(folder, lambda content: content.update({field: value}))
    assert_refused(folder, "")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *((name, value) for name in ("vocabulary_size", "classes") for value in (0, -1, 1.5, "9")),
        *((name, 10**12) for name in ("vocabulary_size", "embedding_dim", "hidden_dim", "classes")),
        *((name, 9) for name in ("vocabulary_size", "embedding_dim", "hidden_dim", "classes")),
        *(("cell", value) for value in ("gru", "transformer", None, [])),
        *(("pooling", value) for value in ("last", "attention", 5)),
        *(("dropout", value) for value in ("x", None, [])),
        ("novelty", 1),
    ],
)
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors:UserWarning")
def test_a_forged_model_setting_is_refused(folder, setting, value):
    forge(folder, lambda content: content["model"].update({setting: value}))
    assert_refused(folder, "")


class Evil:
    def __init__(self, proof: Path) -> None:
        self._proof = proof

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._proof),)


@pytest.mark.parametrize("dump", [pickle.dump, torch.save], ids=["pickle", "torch"])
@pytest.mark.parametrize("name", FILES)
def test_a_pickle_in_a_files_place_is_refused_and_not_run(folder, tmp_path, name, dump):
    with (folder / name).open("wb") as file:
        dump({"output.bias": Evil(tmp_path / "proof")}, file)
    assert_refused(folder, name)
    if name not in SHOWN_ONLY:
        forge(folder)
        assert_refused(folder, "")
    assert not (tmp_path / "proof").exists()


def test_no_file_of_the_package_can_unpickle():
    pattern = re.compile(
        r"pickle|joblib|shelve|marshal|dill|torch\.load\b|weights_only|read_pickle"
    )
    sources = sorted(Path(scorer.__file__).parent.rglob("*.py"))
    assert len(sources) > 20
    found = [f"{path.name}: {line}" for path in sources for line in _code_lines(path, pattern)]
    assert found == []


def _code_lines(path: Path, pattern: re.Pattern[str]) -> list[str]:
    """Return the lines that match, but for the sentence that promises the contrary."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if pattern.search(line) and "ever unpickled" not in line]


@pytest.mark.parametrize("name", [name for name in FILES if name not in SHOWN_ONLY])
def test_a_file_that_is_garbage_is_refused(folder, name):
    for garbage in (b" ", b"\0" * 100, b"\xff\xfe\n" * 40, b"\xff" * 8 + b"{}", b"PAR1" * 9):
        (folder / name).write_bytes(garbage)
        forge(folder)
        assert_refused(folder, "")


@settings(max_examples=60)
@given(data=st.data())
def test_forged_files_are_refused_or_harmless(data, tiny_bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("forged") / "bundle"
    shutil.copytree(tiny_bundle, folder)
    path = folder / data.draw(st.sampled_from(FILES))
    damaged = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged)
    forge(folder)
    try:
        load_bundle(folder).model()
    except BundleError as error:
        assert "\n" not in str(error)
    shutil.rmtree(folder)


def test_remembered_pieces_beyond_the_vocabulary_are_refused(trained, tmp_path):
    bundle, ids = trained.bundle, trained.bundle.cached_pieces.ids
    beyond = replace(ids, ids=np.full_like(ids.ids, len(bundle.vocabulary)))
    memory = replace(bundle.cached_pieces, ids=beyond)
    write_bundle(replace(bundle, cached_pieces=memory), tmp_path / "bundle")
    assert_refused(tmp_path / "bundle", "cached pieces have ids beyond the vocabulary")


def test_a_bundle_that_remembers_nothing_loads(trained, tmp_path):
    memory = trained.bundle.cached_pieces
    ids = replace(
        memory.ids,
        ids=memory.ids.ids[:0],
        offsets=memory.ids.offsets[:1],
        flags=memory.ids.flags[:0],
    )
    nothing = replace(memory, pieces=pa.array([], pa.large_string()), ids=ids)
    write_bundle(replace(trained.bundle, cached_pieces=nothing), tmp_path / "bundle")
    use(tmp_path / "bundle")


def test_remembered_pieces_below_nought_are_refused(trained, tmp_path):
    memory = trained.bundle.cached_pieces
    ids = replace(memory.ids, ids=np.full_like(memory.ids.ids, -1))
    write_bundle(
        replace(trained.bundle, cached_pieces=replace(memory, ids=ids)), tmp_path / "bundle"
    )
    assert_refused(tmp_path / "bundle", "cached pieces")


# format versions


def with_linear(bundle: Bundle) -> Bundle:
    """Return the bundle with a linear term that knows two of its words."""
    words = np.full(len(bundle.vocabulary), NO_WORD, np.int32)
    words[2:4] = (0, 1)
    term = LinearTerm(
        Terms(words, np.array([1], np.int64)),
        np.ones(3, np.float32),
        np.array([[-1, 1], [2, -2], [0.5, 0]], np.float32),
        np.zeros(2, np.float32),
    )
    predictor = Predictor(
        TextEncoder(bundle.rules, bundle.vocabulary),
        bundle.model(),
        bundle.classes,
        bundle.temperature,
        linear=term,
    )
    return replace(bundle, linear=term, golden=golden_rows(predictor))


def test_a_linear_term_is_kept_and_scores(trained, tmp_path):
    bundle = with_linear(trained.bundle)
    write_bundle(bundle, tmp_path / "wide")
    loaded = load_bundle(tmp_path / "wide")
    assert loaded.linear is not None
    assert loaded.golden.check(load_predictor(loaded, device="cpu")) < 1e-6
    with pytest.raises(BundleError, match="golden row"):
        load_predictor(replace(loaded, linear=None), device="cpu")


def test_a_linear_term_of_another_vocabulary_is_refused(trained, tmp_path):
    bundle = with_linear(trained.bundle)
    words = bundle.linear.terms.words[:-1]
    term = replace(bundle.linear, terms=replace(bundle.linear.terms, words=words))
    write_bundle(replace(bundle, linear=term), tmp_path / "wide")
    with pytest.raises(BundleError, match=r"linear\.safetensors is of another vocabulary"):
        load_bundle(tmp_path / "wide")


def test_a_bundle_of_version_1_is_read_and_has_no_linear_term(folder, tiny_bundle):
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["format_version"] == 6
    del manifest["content"]["files"][TOKENISER]
    (folder / TOKENISER).unlink()
    del manifest["content"]["rules"]["other_spellings"]
    (folder / MANIFEST).write_text(json.dumps(manifest | {"format_version": 1}))
    forge(folder)
    facts = load_bundle(tiny_bundle).facts
    rules = replace(facts.rules, other_spellings=False)
    assert load_bundle(folder).facts == replace(facts, rules=rules)
    assert load_bundle(folder).linear is None


def test_a_bundle_of_version_4_is_read_with_its_embedding_as_float16(trained, tmp_path):
    weights = {name: tensor * 1.01 for name, tensor in trained.bundle.weights.items()}
    folder = tmp_path / "older"
    write_bundle(replace(trained.bundle, weights=weights), folder)
    assert EXPONENTS not in load_tensors((folder / "weights.safetensors").read_bytes())
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"format_version": 4}))
    loaded = load_bundle(folder).weights
    assert all(torch.equal(loaded[name], tensor) for name, tensor in weights.items())


def test_a_bundle_without_rules_of_its_own_has_those_of_the_spacy_at_hand(
    trained, tiny_bundle, tmp_path
):
    write_bundle(replace(trained.bundle, tokeniser_rules=None), tmp_path / "older")
    older, texts = load_bundle(tmp_path / "older"), pa.array(["(good), b:ad :)"], pa.large_string())
    assert older.tokeniser_rules is None
    ids = [
        text_encoder_of(bundle, 0).encode(texts).ids for bundle in (older, load_bundle(tiny_bundle))
    ]
    assert ids[0].tolist() == ids[1].tolist()


def test_a_bundle_is_tokenised_by_its_own_rules(trained, tmp_path):
    rules = replace(trained.bundle.tokeniser_rules, special_cases={"go-od": ("go", "-od")})
    write_bundle(replace(trained.bundle, tokeniser_rules=rules), tmp_path / "own")
    for workers in (0, 1):
        encoder = text_encoder_of(load_bundle(tmp_path / "own"), workers)
        assert encoder.encode(pa.array(["go-od", "go-o"], pa.large_string())).lengths.tolist() == [
            2,
            3,
        ]
        if workers:
            encoder.close()


def test_the_tokeniser_is_ready_when_a_bundle_is_loaded():
    bundle = load_bundle(DEFAULT_BUNDLE)  # which remembers the pieces of its golden texts
    rules = replace(bundle.tokeniser_rules, prefixes=("(",))
    with pytest.raises(BundleError, match="no regular expression"):
        load_predictor(replace(bundle, tokeniser_rules=rules))


def with_ngrams(bundle: Bundle) -> Bundle:
    """Return the bundle with a linear term that knows unknown words by their n-grams."""
    vocabulary = Vocabulary(bundle.vocabulary.tokens, ("<un", "kno"))
    bundle = with_linear(bundle)
    ids = len(vocabulary) + len(vocabulary.ngrams)
    coefficients = np.zeros((ids, len(bundle.classes)), np.float32)
    coefficients[-1, 0] = 1
    subwords = Subwords(coefficients, np.ones(ids, np.float32))
    return replace(bundle, vocabulary=vocabulary, linear=replace(bundle.linear, subwords=subwords))


def test_n_grams_of_unknown_words_are_kept_and_score(trained, tmp_path):
    bundle = with_ngrams(trained.bundle)
    write_bundle(bundle, tmp_path / "spelled")
    loaded = load_bundle(tmp_path / "spelled")
    assert (tmp_path / "spelled" / "ngrams.txt").read_text() == "<un\nkno\n"
    encoder = TextEncoder(loaded.rules, loaded.vocabulary, loaded.cached_pieces)
    encoded = encoder.encode(pa.array(["unknowable", "zzzz"], pa.large_string()))
    logits = loaded.linear.logits(encoded)
    assert logits[0, 0] > logits[1, 0]


def test_n_grams_that_the_linear_term_does_not_have_are_refused(trained, tmp_path):
    bundle = with_ngrams(trained.bundle)
    more = Vocabulary(bundle.vocabulary.tokens, ("<un", "kno", "now"))
    write_bundle(replace(bundle, vocabulary=more), tmp_path / "more")
    with pytest.raises(BundleError, match=r"linear\.safetensors is of another vocabulary"):
        load_bundle(tmp_path / "more")
    write_bundle(replace(bundle, linear=None), tmp_path / "without")
    with pytest.raises(BundleError, match=r"ngrams\.txt is of no use without"):
        load_bundle(tmp_path / "without")


@pytest.mark.parametrize(
    ("version", "with_file", "file"),
    [
        (1, with_linear, "linear.safetensors"),
        (2, with_ngrams, "ngrams.txt"),
        (3, lambda bundle: bundle, TOKENISER),
    ],
)
def test_an_older_version_knows_no_file_that_came_later(
    trained, tmp_path, version, with_file, file
):
    write_bundle(with_file(trained.bundle), tmp_path / "later")
    path = tmp_path / "later" / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": version}))
    with pytest.raises(BundleError, match=f"unknown {re.escape(file)}"):
        load_bundle(tmp_path / "later")
