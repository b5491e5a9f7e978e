import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import scorer
from scorer.bundles.bundle import Bundle
from scorer.bundles.bundle_files import MANIFEST, load_bundle
from scorer.bundles.golden import GoldenRows
from scorer.bundles.store import (
    DEFAULT_BUNDLE,
    add,
    current,
    history,
    in_use,
    keep_report,
    keep_trained_rows,
    promote,
    prune,
    resolve_bundle,
    roll_back,
    trained_rows,
    versions,
)
from scorer.errors import BundleError, InputError, UsageError


@pytest.fixture
def bundle(trained) -> Bundle:
    return trained.bundle


@pytest.fixture
def store(tmp_path) -> Path:
    return tmp_path / "models" / "store"


def warmer(bundle: Bundle, temperature: float) -> Bundle:
    """Return another bundle: another temperature makes another digest."""
    return replace(bundle, facts=replace(bundle.facts, temperature=temperature))


def files_below(folder: Path) -> dict[str, bytes]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_an_added_bundle_is_a_version_and_nothing_else_is_left(store, bundle):
    written = add(store, bundle)
    assert [path.name for path in store.iterdir()] == [written.version]
    assert versions(store) == [written.version]
    assert load_bundle(store / written.version).digest == written.digest
    assert written.facts == bundle.facts


def test_an_added_bundle_is_not_in_use_until_promoted(store, bundle):
    first = add(store, bundle).version
    with pytest.raises(BundleError, match="has no CURRENT"):
        current(store)
    promote(store, first)
    second = add(store, warmer(bundle, 2.0)).version
    assert current(store) == store / first
    promote(store, second)
    assert current(store) == store / second


def test_rolling_back_is_promoting_the_older_version(store, bundle):
    older, newer = (add(store, warmer(bundle, heat)).version for heat in (1.0, 2.0))
    promote(store, newer)
    promote(store, older)
    assert current(store).name == older
    assert len(versions(store)) == 2


def test_promoting_changes_nothing_but_the_pointer_and_its_history(store, bundle):
    first = add(store, bundle).version
    before = files_below(store)
    promote(store, first, "a test")
    after = files_below(store)
    assert json.loads(after.pop("history.jsonl"))["by"] == "a test"
    assert after == {**before, "CURRENT": f"{first}\n".encode()}


def test_the_history_says_what_was_in_use_and_rolls_back(store, bundle):
    first, second = (add(store, warmer(bundle, heat)).version for heat in (1.0, 2.0))
    with pytest.raises(BundleError, match="no version that was in use before now"):
        roll_back(store)
    for version in (first, second):
        promote(store, version)
    with (store / "history.jsonl").open("a") as file:
        file.write("damaged\n")
    assert roll_back(store) == first
    assert [use.version for use in history(store)] == [first, second, first]
    assert roll_back(store) == second


def test_the_keys_of_trained_rows_are_kept_apart_from_the_bundle(store, bundle):
    version = add(store, bundle).version
    keep_trained_rows(store, version, np.array([3, 1, 3], np.uint64))
    assert trained_rows(store, version).tolist() == [1, 3]
    assert trained_rows(store, "another").tolist() == []
    assert versions(store) == [version]


def test_a_report_is_kept_beside_the_versions_and_removed_with_its_own(store, bundle):
    old, newer = "20200101T000000Z-00000000", add(store, bundle).version
    shutil.copytree(store / newer, store / old)
    kept = [keep_report(store, version, "<title>a</title>\n") for version in (old, newer)]
    assert versions(store) == [old, newer]
    assert kept[0] in prune(store, keep=1)
    assert [path.exists() for path in kept] == [False, True]


def test_the_version_to_roll_back_to_is_kept_where_one_was_put_in_use_twice(store, bundle):
    old, newer = "20200101T000000Z-00000000", add(store, bundle).version
    shutil.copytree(store / newer, store / old)
    for version in (old, newer, newer):
        promote(store, version)
    assert prune(store, keep=1) == []
    assert roll_back(store) == old


def test_no_damaged_version_is_rolled_back_to(store, bundle):
    old, newer = "20200101T000000Z-00000000", add(store, bundle).version
    shutil.copytree(store / newer, store / old)
    for version in (old, newer):
        promote(store, version)
    (store / old / "weights.safetensors").write_bytes(b"damaged")
    with pytest.raises(BundleError, match="weights"):
        roll_back(store)
    assert in_use(store) == newer


def test_of_a_version_that_is_a_link_the_link_is_removed(store, bundle, tmp_path):
    old, newer = "20200101T000000Z-00000000", add(store, bundle).version
    shutil.copytree(store / newer, tmp_path / "elsewhere")
    (store / old).symlink_to(tmp_path / "elsewhere")
    assert prune(store, keep=1) == [store / old]
    assert versions(store) == [newer]
    assert (tmp_path / "elsewhere" / MANIFEST).exists()


def test_the_pointer_is_replaced_and_never_written_in_place(store, bundle):
    first, second = (add(store, warmer(bundle, heat)).version for heat in (1.0, 2.0))
    promote(store, first)
    with (store / "CURRENT").open(encoding="utf-8") as reader:
        promote(store, second)
        assert reader.read() == f"{first}\n"  # who had it open still reads the whole old one


def test_versions_are_listed_oldest_first(store, bundle):
    version = add(store, bundle).version
    for other in ("20200101T000000Z-00000000", "20300101T000000Z-00000000"):
        shutil.copytree(store / version, store / other)
    assert versions(store) == sorted(versions(store))
    assert (versions(store)[0][:4], versions(store)[-1][:4]) == ("2020", "2030")


def test_what_is_no_bundle_is_no_version(store, bundle):
    version = add(store, bundle).version
    (store / "notes").mkdir()
    (store / "readme.txt").write_text("")
    (store / ".unfinished").mkdir()
    (store / ".unfinished" / MANIFEST).write_text("{}")
    assert versions(store) == [version]


def test_what_a_killed_run_left_is_replaced(store, bundle):
    (store / ".unfinished").mkdir(parents=True)
    (store / ".unfinished" / "weights.safetensors").write_text("half")
    add(store, bundle)
    assert not (store / ".unfinished").exists()


def test_a_bundle_that_cannot_be_loaded_again_is_not_added(store, bundle):
    no_golden = GoldenRows((), bundle.golden.probabilities[:0])
    with pytest.raises(BundleError, match=r"golden\.csv has no row"):
        add(store, replace(bundle, golden=no_golden))
    assert versions(store) == []


@pytest.mark.parametrize("name", ["store", "store/below"])
def test_a_store_that_cannot_be_written_is_named(tmp_path, bundle, name):
    (tmp_path / "store").write_text("a file")
    with pytest.raises(InputError, match=f"cannot write {tmp_path / name}"):
        add(tmp_path / name, bundle)


@pytest.mark.parametrize(
    "version", ["nothing", "", ".", "..", "../store", ".unfinished", "CURRENT"]
)
def test_only_a_version_of_the_store_is_promoted(store, bundle, version):
    known = add(store, bundle).version
    with pytest.raises(BundleError, match=f"has no version {version}; it has: {known}"):
        promote(store, version)
    assert not (store / "CURRENT").exists()


def test_an_empty_store_has_no_version_to_promote(tmp_path):
    with pytest.raises(BundleError, match="it has: shipped"):
        promote(tmp_path, "x")


@pytest.mark.parametrize("pointer", ["", "gone\n", "../elsewhere\n", "/tmp\n", ".", "\0"])
def test_a_pointer_to_no_version_is_refused(store, bundle, pointer):
    add(store, bundle)
    (store / "CURRENT").write_text(pointer)
    with pytest.raises(BundleError, match=r"CURRENT names .*, which is not in the store. `"):
        current(store)


def test_a_pointer_that_is_not_text_is_refused(store, bundle):
    add(store, bundle)
    (store / "CURRENT").write_bytes(b"\xff\xfe\n")
    with pytest.raises(BundleError, match="CURRENT names version"):
        current(store)


def test_a_pointer_may_end_in_any_white_space(store, bundle):
    version = add(store, bundle).version
    (store / "CURRENT").write_text(f" {version}\r\n")
    assert current(store) == store / version


def test_a_bundle_is_taken_before_a_store_before_the_default(store, bundle):
    version = add(store, bundle).version
    promote(store, version)
    assert resolve_bundle("elsewhere") == Path("elsewhere")
    with pytest.raises(UsageError, match="both say what scores"):
        resolve_bundle("elsewhere", str(store))
    assert resolve_bundle(store=str(store)) == store / version
    assert resolve_bundle() == DEFAULT_BUNDLE
    assert Path(scorer.__file__).parent / "default_bundle" == DEFAULT_BUNDLE


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nowhere", "there is no folder {path}. Name a store with --store"),
        ("file", "there is no folder {path}"),
        ("empty", "{path} has no CURRENT: it is not a store. Name a store"),
    ],
)
def test_what_is_no_store_is_told_so(tmp_path, name, told):
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleError, match=told.format(path=tmp_path / name)):
        resolve_bundle(store=str(tmp_path / name))


def test_the_same_bundle_added_twice_is_no_error(store, bundle):
    first, second = (add(store, bundle) for _ in range(2))
    assert first.digest == second.digest
    assert set(versions(store)) == {first.version, second.version}


def test_a_bundle_is_on_the_disk_before_it_has_its_name_and_the_name_is_too(
    store, bundle, monkeypatch
):
    synced, fsync = [], os.fsync

    def record(descriptor):
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    folder = store / add(store, bundle).version
    before = [path.name for path in synced if path.parent.name == ".unfinished"]
    assert sorted(before) == sorted(path.name for path in folder.iterdir())
    assert synced[-1] == store


def test_shipped_names_the_package_s_own_bundle(tmp_path, monkeypatch):
    assert resolve_bundle("shipped") == DEFAULT_BUNDLE
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shipped").mkdir()
    assert resolve_bundle("shipped") == Path("shipped")  # a folder of one's own comes first
