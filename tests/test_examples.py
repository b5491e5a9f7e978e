import csv
import io
import json
import re
import shlex
from datetime import date
from fnmatch import fnmatch
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from click.testing import CliRunner

from scorer import __version__
from scorer.cli import score
from scorer.cli.main import main
from scorer.tokens.text import TextRules, normalise

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
REVIEWS = EXAMPLES / "reviews.csv"
ROUNDING = 0.01  # of a probability by 8-bit products, which not every machine has
EMOJI = re.compile("[\U0001f300-\U0001faff]")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with REVIEWS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.fixture(scope="module")
def reviews(rows) -> list[str]:
    return [row["review"] for row in rows]


def test_the_example_is_a_few_hundred_rows_of_id_date_and_review(rows):
    assert len(rows) == 300
    assert {tuple(row) for row in rows} == {("id", "date", "review")}
    assert [row["id"] for row in rows] == [f"{number:04}" for number in range(1, 301)]
    assert [row["date"] for row in rows] == sorted(row["date"] for row in rows)
    assert all(date.fromisoformat(row["date"]) for row in rows)


def test_the_example_written_again_is_the_same_bytes(rows):
    again = io.StringIO(newline="")
    writer = csv.DictWriter(again, ["id", "date", "review"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    assert again.getvalue().encode() == REVIEWS.read_bytes()


def test_no_review_is_there_twice(reviews):
    assert len(set(reviews)) == len(reviews)


def test_reviews_are_long_and_short(reviews):
    words = sorted(len(review.split()) for review in reviews)
    assert words[10] <= 1
    assert words[150] > 10
    assert words[-2] > 150


@pytest.mark.parametrize(
    ("what", "pattern", "least"),
    [
        ("quotes", '"', 10),
        ("commas", ",", 100),
        ("newlines", r"\S\n+\S", 4),
        ("emoji", EMOJI, 5),
        ("letters beyond ASCII", "[à-ÿ]", 5),
        ("other scripts", "[\u4e00-\u9fff]", 1),
        ("tags", r"<br />|</\w+>", 4),
        ("entities", r"&\w+;", 3),
        ("addresses", "https?://", 1),
        ("shouting", "[A-Z]{4}", 3),
        ("cells that read like a missing value", "^(NULL|NA|nan)$", 1),
    ],
)
def test_the_example_holds(reviews, what, pattern, least):
    assert sum(bool(re.search(pattern, review)) for review in reviews) >= least, what


def test_blank_texts_of_every_kind_are_among_them(reviews):
    assert "" in reviews
    assert sum(not review.strip() for review in reviews) >= 4
    bare = normalise(pa.array(reviews, pa.large_string()), TextRules()).to_pylist()
    assert sum(text == "" for text in bare) >= 7  # with those of markup alone


def test_most_reviews_are_scored_and_not_all_alike(reviews, tiny_predictor):
    encoded = tiny_predictor.encode(pa.array(reviews, pa.large_string()))
    probabilities = tiny_predictor.predict(encoded).probabilities
    unscored = [row for row in range(len(reviews)) if not encoded.lengths[row]]
    assert 7 <= len(unscored) <= 20
    assert len(set(probabilities[:, 1].tolist())) > 200


def check_command(arguments: list[str]) -> None:
    """Raise where the scoring command would refuse the arguments as usage."""
    score.main.make_context("score-job", list(arguments))


@pytest.mark.parametrize("name", ["kubernetes-cronjob.yaml", "kubernetes-lists.yaml"])
def test_kubernetes_jobs_call_the_command_as_it_is(name):
    job = yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))
    spec = job["spec"]["jobTemplate"]["spec"] if job["kind"] == "CronJob" else job["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    arguments = container["args"]
    if "command" in container:
        assert container["command"] == ["/bin/sh", "-c"]
        (script,) = arguments
        assert "\nexec score-job " in script
        arguments = shlex.split(script.partition("\nexec score-job ")[2])
    check_command(arguments)
    threads = {entry["name"]: entry["value"] for entry in container["env"]}["OMP_NUM_THREADS"]
    assert container["resources"]["limits"]["cpu"] == threads
    assert container["image"] == f"batch-text-scorer:{__version__}"


@pytest.mark.parametrize("name", ["kubernetes-cronjob.yaml", "kubernetes-lists.yaml"])
def test_kubernetes_jobs_fit_the_schema(name):
    validate = pytest.importorskip("kubernetes_validate").validate
    job = yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))
    validate(job, "1.34", strict=True)


def test_the_airflow_task_calls_the_command_as_it_is():
    source = (EXAMPLES / "airflow_dag.py").read_text(encoding="utf-8")
    compile(source, "airflow_dag.py", "exec")
    (command,) = re.findall(r"COMMAND = (\(.*?\n\))", source, re.DOTALL)
    program, *arguments = shlex.split(eval(command).replace("{{ ds }}", "2026-01-01"))
    assert program.endswith("/score-job")
    check_command(arguments)


def test_the_image_gets_all_that_it_is_built_from():
    """No Docker engine runs the tests: what can go wrong without one is looked at."""
    source = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    copies = re.findall(r"^COPY (.+) \S+$", source, re.MULTILINE)
    copied = [name for names in copies for name in names.split()]
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    kept = [line[1:] for line in lines if line.startswith("!")]
    assert sorted(copied) == sorted(kept)
    assert [name for name in copied if not (ROOT / name).exists()] == []
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    read = re.findall(r"(?:license_files = |file: )(\S+)", setup)
    assert read
    assert [name for name in read if not any(fnmatch(name, pattern) for pattern in copied)] == []
    (entry,) = re.findall(r'ENTRYPOINT \["(.+)"\]', source)
    assert f"{entry} = scorer.cli" in setup
    torch = re.findall(r"^torch==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert len(torch) == 1


def test_the_tour_shows_what_the_shipped_bundle_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    cells = json.loads((ROOT / "examples" / "tour.ipynb").read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    trained = next(at for at, source in enumerate(code) if "import train" in source)
    names: dict[str, object] = {}
    for source in code[:trained]:
        exec(source, names)
    assert trained == 3
    scored = names["scored"]
    assert len(scored) == 300  # type: ignore[arg-type]
    shown = re.findall(r"<td>(0\.\d{6})</td>", json.dumps(cells[1]["outputs"]))
    found = scored["probability_positive"].head(8).dropna()  # type: ignore[index]
    assert found.tolist() == pytest.approx([float(cell) for cell in shown], abs=ROUNDING)


def test_judged_rows_are_rows_of_the_example(rows):
    by_id = {row["id"]: row["review"] for row in rows}
    with (EXAMPLES / "judged.csv").open(encoding="utf-8", newline="") as file:
        judged = list(csv.DictReader(file))
    assert len(judged) > 200
    assert all(by_id[row["id"]] == row["review"] for row in judged)


def test_the_shipped_bundle_judges_the_clear_examples_as_the_readme_says() -> None:
    asked = ["evaluate", str(EXAMPLES / "judged.csv"), "--bundle", "shipped", "--json"]
    ended = CliRunner().invoke(main, asked)
    assert ended.exit_code == 0, ended.output
    accuracy = json.loads(ended.stdout)["accuracy"]
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    assert f"it gets {accuracy:.0%} right (`scorer evaluate examples/judged.csv" in readme
