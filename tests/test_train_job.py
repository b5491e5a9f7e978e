import csv
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from labelled_files import labelled, write
from tiny_corpora import write_csv, write_labelled
from tiny_models import WORDS, write_texts

from scorer import Scorer
from scorer.bundles.bundle_files import load_bundle
from scorer.bundles.pretrained_encoder import load_encoder
from scorer.bundles.store import current, versions
from scorer.cli.console import Progress
from scorer.cli.table_options import NAMES, as_typed, table_options
from scorer.cli.train import main
from scorer.cli.training_lines import TrainingPrinter, recall_line
from scorer.corpus.corpus import read_corpus
from scorer.corpus.labelled_columns import Columns
from scorer.evaluation.evaluation import evaluate
from scorer.training.recipe import ACCURATE

ROOT = Path(__file__).parents[1]
CLASSES = ("negative", "neutral", "positive")
OPTIONS = [
    *("--start-from", "none", "--passes", "0", "--epochs", "8", "--batch-size", "32"),
    *("--learning-rate", "0.02", "--embedding-dim", "8", "--hidden-dim", "12"),
    *("--vocabulary-size", "90", "--test", "0.2", "--seed", "3"),
]


@dataclass(frozen=True)
class Ended:
    """How a job ended."""

    code: int
    out: str
    err: str


def process(job: str, *arguments: str | Path, **how: object) -> Ended:
    command = [sys.executable, str(ROOT / job), *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, **how)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def run(*arguments: str | Path) -> Ended:
    """Run the training job within this process."""
    ended = CliRunner().invoke(main, list(map(str, arguments)))
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jobs")
    write_labelled(folder / "three.csv", write_texts(CLASSES, 300, seed=5))
    texts = write_texts(CLASSES[::2], 60, seed=6)
    for name, values in {"stars": ("1", "5"), "same": ("1", "1")}.items():
        rows = [(text, values[k]) for text, k in zip(texts.texts, texts.targets, strict=True)]
        write_csv(folder / f"{name}.csv", rows, ("review", "label"))
    write_labelled(folder / "two.csv", texts)
    (folder / "header.csv").write_text("text,label\n")
    return folder


@pytest.fixture(scope="module")
def trained(folder: Path) -> Ended:
    """A training of three classes into the store `bundles` of its folder, as a process."""
    return process("train_job.py", "three.csv", *OPTIONS, cwd=folder)


def test_a_training_says_what_the_lecture_looks_at(trained, folder):
    assert (trained.code, trained.out) == (0, "")
    lines = trained.err.splitlines()
    assert lines[0] == "texts in 'text', labels in 'label'"
    assert lines[1] == (
        "labels: 'negative' is negative, 'neutral' is neutral, 'positive' is positive"
    )
    train, valid, test = lines[2:5]
    assert train == "train: 204 rows (68 negative, 68 neutral, 68 positive)"
    assert valid == "valid: 36 rows (12 negative, 12 neutral, 12 positive)"
    assert test == "test: 60 rows (20 negative, 20 neutral, 20 positive)"
    (vocabulary,) = (line for line in lines if line.startswith("vocabulary: 92 tokens; most freq"))
    assert len(re.findall(r"\S+ \d+(?:, |$)", vocabulary.partition("frequent: ")[2])) == 20
    epochs = [line for line in lines if line.startswith("epoch ")]
    figures = r"loss \d\.\d{4}, training accuracy \S+%, validation accuracy \S+%, .* elapsed"
    best = re.search(r"\nbest epoch: (\d), validation accuracy \d", trained.err)
    assert len(epochs) == min(8, int(best[1]) + ACCURATE.training.patience)
    assert all(
        re.fullmatch(rf"epoch {number}: {figures}", line) for number, line in enumerate(epochs, 1)
    )
    assert re.search(r"\ntest accuracy: \S+% \(95% interval \S+% to \S+%, 60 rows\), ", trained.err)
    recall = r"\nrecall on test rows: (\w+ \S+% of 20(, |;)){3} macro-F1 \S+%\n"
    assert re.search(recall, trained.err)
    assert re.search(r"\nbeside it: TF-IDF with logistic regression \S+% ", trained.err)
    version = current(folder / "bundles").name
    assert lines[-2].startswith(f"bundle {version} is now in use in bundles; ")
    assert lines[-1] == "score with it: score_job.py IN OUT --store bundles"


def test_the_line_to_score_with_has_the_options_the_table_was_read_by(tmp_path, capsys):
    typed = ["a.csv", "--no-header", "--encoding", "cp1252", "--delimiter", "|", "--skip-rows", "2"]
    with main.make_context("train_job.py", typed) as context:
        reading = as_typed(context.params)
    TrainingPrinter(Progress(), tmp_path).end("v1", in_use=True, reading=reading)
    line = f"--store {tmp_path} --delimiter '|' --encoding cp1252 --no-header --skip-rows 2"
    assert capsys.readouterr().err.splitlines()[-1] == f"score with it: score_job.py IN OUT {line}"
    first, *rows = labelled(120)
    headless = write(tmp_path / "headless.csv", rows, first)
    printer = TrainingPrinter(Progress(), tmp_path)
    printer.on_corpus(read_corpus([headless], "0.2", "0.2", Columns(), seed=0))
    printer.end("v1", in_use=True)
    assert capsys.readouterr().err.endswith(f"--store {tmp_path} --no-header\n")
    plain = table_options(lambda: None).__click_params__
    assert {option.name for option in plain} == set(NAMES)


def test_many_classes_are_told_in_short_lines(tmp_path, capsys):
    names = [f"topic {letter}" for letter in "abcdefghijkl"]
    path = write(tmp_path / "many.csv", labelled(24 * 12 + 5, values=names))
    corpus = read_corpus([path], "0.2", "0.2", Columns(), seed=0)
    TrainingPrinter(Progress(), tmp_path).on_corpus(corpus)
    lines = capsys.readouterr().err.splitlines()
    shown = ", ".join(names[:8])
    assert lines[1] == f"labels: 12 classes, named as the values are: {shown} and 4 more"
    assert lines[2] == "train: 175 rows (14 to 15 of each class)"
    assert recall_line(evaluate(np.eye(2)[[0, 1, 1]], np.array([0, 1, 0]), ("1", "5"))) == (
        "recall on test rows: '1' 50.0% of 2, '5' 100.0% of 1; macro-F1 66.67%"
    )
    targets = np.arange(240) % 12
    guesses = np.where((targets < 4) & (np.arange(240) < 24 * targets), targets + 1, targets)
    line = recall_line(evaluate(np.eye(12)[guesses], targets, names))
    start = "recall on test rows, least of 12 classes: topic d 70.0% of 20, topic c 80.0% of 20, "
    assert line.startswith(f"{start}topic b 90.0% of 20; macro-F1 ")


def test_what_it_wrote_scores_a_file_in_three_columns(trained, folder):
    texts = [" ".join(WORDS[name][:3]) for name in CLASSES]
    rows = [("007", text) for text in (*texts, " ")]
    write_csv(folder / "in.csv", rows, ("id", "text"))
    ended = process(
        "score_job.py", "in.csv", "out.parquet", "--store", "bundles", "--workers", "0", cwd=folder
    )
    assert (ended.code, ended.out) == (0, "")
    written = pq.read_table(folder / "out.parquet")
    names = [f"probability_{name}" for name in CLASSES]
    assert written.column_names == ["id", "text", *names]
    assert written["id"].to_pylist() == ["007"] * 4
    scores = np.stack([written[name].to_numpy() for name in names], axis=1)
    assert np.isnan(scores[3]).all()
    assert scores[:3].argmax(axis=1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(scores[:3].sum(axis=1), 1, atol=1e-6)
    texts_only = pq.read_table(folder / "out.parquet", columns=["text"])
    same = Scorer.load(store=str(folder / "bundles")).score(texts_only)
    for name in names:
        np.testing.assert_allclose(same[name].to_numpy(), written[name].to_numpy(), atol=1e-6)


def test_the_same_command_gives_the_same_bundle_in_another_process(trained, folder, tmp_path):
    ended = run(folder / "three.csv", *OPTIONS, "--store", tmp_path / "store", "--quiet")
    assert ended.code == 0
    (first,), (second,) = versions(folder / "bundles"), versions(tmp_path / "store")
    digests = [version.partition("-")[2] for version in (first, second)]
    assert digests[0] == digests[1]


def test_quiet_prints_notes_and_warnings_only(folder, tmp_path):
    short = ("--epochs", "1", "--store", tmp_path)
    lines = run(folder / "two.csv", *OPTIONS, *short, "--quiet").err.splitlines()
    assert lines
    said = ("note: ", "WARNING: ", "error: bundle ")  # after one epoch it may guess worse than one
    assert all(line.startswith(said) for line in lines)


def test_a_file_that_is_not_there_ends_a_process_with_one_line(tmp_path):
    ended = process("train_job.py", "nothing.csv", cwd=tmp_path)
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == "error: there is no file nothing.csv\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (
            "two.csv --text-column txet",
            3,
            "{folder}/two.csv: there is no column 'txet'; did you mean 'text'? The columns are: "
            "'text', 'label'. --text-column names one of them",
        ),
        (
            "stars.csv --input-format csv --no-header --skip-rows 1 --label-column stars",
            3,
            "{folder}/stars.csv: there is no column 'stars'. The columns are: 'column_1', "
            "'column_2'. --label-column names one of them",
        ),
        ("stars.csv --header --no-header", 2, "--header and --no-header exclude each other"),
        (
            "stars.csv --encoding klingon",
            2,
            "{folder}/stars.csv: --encoding 'klingon' is not known. Known are, for example: utf-8, "
            "utf-16, latin-1, cp1252, cp1251, shift_jis, gb18030, big5",
        ),
        (
            "stars.csv --quote ab --delimiter tab --escape none --rename-duplicates",
            2,
            "{folder}/stars.csv: --quote 'ab': give one character, or none",
        ),
        (
            "two.csv --label-column lable",
            3,
            "{folder}/two.csv: there is no column 'lable'; did you mean 'label'? The columns are: "
            "'text', 'label'. --label-column names one of them",
        ),
        (
            "stars.csv",
            2,
            "{folder}/stars.csv: what the label values mean is not clear: '1' (30), '5' (30). "
            "For sentiment say it with --labels 1=negative,5=positive (or the other way round), "
            "for any other two classes with --labels 1=1,5=5",
        ),
        (
            "stars.csv --labels 1=bad",
            2,
            "{folder}/stars.csv: --labels gives all values one class. At least two are needed",
        ),
        (
            "stars.csv --labels good",
            2,
            "{folder}/stars.csv: --labels 'good' does not give each value one class. It is written "
            "as --labels 1=positive,0=negative",
        ),
        (
            "same.csv",
            3,
            "{folder}/same.csv: all labels are one class: '1' (60). Training needs rows of two "
            "classes at least; --label-column names another column",
        ),
        (
            "two.csv --preset best",
            2,
            "no preset 'best'; choose one of: accurate, quick, fast, lecture-packed, lecture-lstm, "
            "lecture-rnn",
        ),
        (
            "two.csv --valid 1.5",
            2,
            "--valid 1.5 is no size of a part. It takes a share between 0 and 1, a whole number of "
            "rows, or a file",
        ),
        ("two.csv --test nothing.csv", 3, "there is no file nothing.csv"),
        (
            "two.csv --valid 59",
            2,
            "60 rows cannot be split into 59 for validation, 12 for test and some for training. "
            "--valid and --test take a share, a number of rows or a file",
        ),
        ("two.csv --epochs 0", 2, "--epochs 0: give a number above 0"),
        ("two.csv --cell tree", 2, "no cell 'tree'; choose one of: lstm, gru, rnn, rnn-relu"),
        ("two.csv --pooling max", 2, "no pooling 'max'; choose one of: last, concat"),
        ("header.csv", 3, "{folder}/header.csv has no rows"),
        ("two.csv --vectors nothing.txt", 3, "there is no file nothing.txt"),
        (
            "two.csv --teacher {folder}",
            4,
            "{folder} is not a bundle: it has no bundle.json. Use another bundle (--bundle, or "
            "`scorer bundles rollback` in a store), or make a new one with train_job.py",
        ),
        (
            "two.csv --start-from {folder}",
            4,
            "{folder} is not a pretrained encoder: No such file or directory: {folder}/start.json. "
            "--unlabelled FILE makes a new one",
        ),
        (
            "two.csv --vectors a --unlabelled b",
            2,
            "with --vectors there is no pretraining, so --unlabelled texts are of no use. Give "
            "--vectors or --unlabelled, or a --teacher to be asked about them",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(folder, tmp_path, arguments, code, line):
    name, *options = arguments.format(folder=folder).split()
    ended = run(folder / name, *options, "--store", tmp_path / "store", "--quiet")
    assert ended.err.splitlines()[-1] == f"error: {line.format(folder=folder)}"
    assert (ended.code, ended.out) == (code, "")
    assert not list(tmp_path.glob("store/*Z-*"))
    assert not list(tmp_path.glob("store/CURRENT"))


@pytest.mark.parametrize(
    "option",
    [
        "--seed -1",
        "--hidden-dim 0",
        "--embedding-dim -3",
        "--vocabulary-size 0",
        "--passes -1",
        "--dropout 1",
        "--word-dropout 1",
        "--label-smoothing 1.5",
        "--adversarial -0.1",
        "--epochs two",
    ],
)
def test_an_option_out_of_its_range_is_a_matter_of_usage(folder, option):
    ended = run(folder / "two.csv", *option.split())
    assert ended.code == 2
    assert f"Invalid value for '{option.split()[0]}'" in ended.err


def test_a_labelled_file_is_needed():
    ended = run()
    assert ended.code == 2
    assert "Missing argument 'LABELLED...'" in ended.err


def test_history_is_a_row_an_epoch(trained, folder):
    with (current(folder / "bundles") / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = trained.err.count("\nepoch ")
    assert [row["epoch"] for row in rows] == [str(number) for number in range(1, epochs + 1)]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])


def test_what_was_pretrained_is_kept_and_can_be_started_from(folder, tmp_path):
    store = tmp_path / "store"
    many = " ".join(" ".join(words) for words in WORDS.values())
    write_csv(tmp_path / "many.csv", [(f"{many} {i}",) for i in range(900)], ("text",))
    more = ["--passes", "1", "--unlabelled", tmp_path / "many.csv", "--epochs", "2"]
    ended = run(folder / "three.csv", "--store", store, *OPTIONS, *more)
    assert ended.code in (0, 6), ended.err
    (encoder,) = store.glob("pretrained-*")
    assert f"--start-from {encoder} uses it again" in ended.err
    again = run(folder / "three.csv", "--store", store, *OPTIONS, "--start-from", encoder)
    assert again.code in (0, 6), again.err
    newest = load_bundle(store / max(set(versions(store)) - {encoder.name}))
    assert newest.facts.training["background"]["start"]["digest"] == load_encoder(encoder).digest


def test_quiet_warns_of_rows_that_cannot_be_read_and_says_nothing_else(folder, tmp_path):
    path = tmp_path / "some.csv"
    path.write_text((folder / "two.csv").read_text() + "too,many,fields\n")
    ended = run(path, "--store", tmp_path / "store", *OPTIONS, "--quiet", "--promote", "always")
    assert ended.code == 0, ended.err
    assert "WARNING: left out: 1 row that cannot be read as the header says\n" in ended.err
    assert "note: " not in ended.err
    assert "epoch" not in ended.err
