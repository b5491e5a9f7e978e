"""Files as other programs write them, scored and trained on: the right value, or the option for it.

Each kind of file goes through a whole run, to CSV and to Parquet. Its content is invented.
"""

import bz2
import csv
import gzip
import io
import json
import lzma
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from scorer.cli.main import main
from scorer.engines.engine import load_model
from scorer.errors import ScorerError
from scorer.scoring.model import Model
from scorer.scoring.request import Source, Target
from scorer.scoring.scoring import score_file
from scorer.tables.csv_options import CsvOptions
from scorer.tables.formats import format_of

GOOD, DULL = "the soup was warm and good", "a dull evening with no point"
SCORES = ["probability_negative", "probability_positive"]


@dataclass(frozen=True)
class Case:
    """A file, its columns as they should be read, and what of the run is worth knowing."""

    name: str
    data: bytes
    columns: dict[str, list[str]]
    options: CsvOptions = field(default_factory=CsvOptions)
    refused: str = ""  # without the options
    noted: str = ""


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("reviews.csv", data)
    return file.getvalue()


IDS = {"id": ["1", "2"], "text": [GOOD, DULL]}
NUMBERED = {"column_1": ["1", "2"], "column_2": [GOOD, DULL]}
PLAIN = f"id,text\n1,{GOOD}\n2,{DULL}\n".encode()
SPLIT = f"id;text\r\n1;{GOOD}\r\n2;{DULL}\r\n".encode()
QUOTES = ["plain words", '"starts and ends not', "fine", 'a 5" pipe, more "words"']
CASES = {
    "Excel's sep line": Case("in.csv", b"sep=;\r\n" + SPLIT, IDS, noted="`sep=;`"),
    "Excel's sep line in UTF-16": Case(
        "in.csv", ("\ufeffsep=;\r\n" + SPLIT.decode()).encode("utf-16-le"), IDS, noted="`sep=;`"
    ),
    "a title": Case(
        "in.csv", b"Our reviews\n" + SPLIT, IDS, CsvOptions(skip_rows=1), "--skip-rows 1 leaves"
    ),
    "a title in gzip": Case(
        "in.csv.gz",
        gzip.compress(b"Our reviews\n\n" + SPLIT),
        IDS,
        CsvOptions(skip_rows=2),
        "--skip-rows 2 leaves",
    ),
    "Hive": Case("in.csv", PLAIN.replace(b",", b"\x01"), IDS, noted="separated by '\\x01'"),
    "a caret": Case(
        "in.txt", PLAIN.replace(b",", b"^"), IDS, CsvOptions("^"), "--delimiter '\\^' reads"
    ),
    "semicolons in a TSV": Case(
        "in.tsv", SPLIT, IDS, CsvOptions(";"), "--delimiter ';' reads them so"
    ),
    "UTF-16 without a mark": Case(
        "in.csv", PLAIN.decode().encode("utf-16-le"), IDS, noted="--encoding utf-16-le"
    ),
    "UTF-16, big end first, without a mark, TSV": Case(
        "in.tsv",
        PLAIN.replace(b",", b"\t").decode().encode("utf-16-be"),
        IDS,
        noted="--encoding utf-16-be",
    ),
    "UTF-32 with a mark": Case("in.csv", ("\ufeff" + PLAIN.decode()).encode("utf-32-le"), IDS),
    "UTF-32 without a mark": Case(
        "in.csv", PLAIN.decode().encode("utf-32-be"), IDS, noted="--encoding utf-32-be"
    ),
    "names that repeat": Case(
        "in.csv",
        f"id,text,id\n1,{GOOD},9\n2,{DULL},8\n".encode(),
        {**IDS, "id.1": ["9", "8"]},
        CsvOptions(rename_duplicates=True),
        noted="column 3, 'id', is renamed 'id.1'",
    ),
    "quotes that are text": Case(
        "in.tsv",
        "".join(f"{i}\t{t}\n" for i, t in [("id", "text"), *enumerate(QUOTES)]).encode(),
        {"id": ["0", "1", "2", "3"], "text": QUOTES},
        CsvOptions(quote="none"),
    ),
    "no header": Case(
        "in.csv", PLAIN.partition(b"\n")[2], NUMBERED, CsvOptions(no_header=True)
    ),
    "backslashes": Case(
        "in.csv",
        b'id,text\n1,"a \\"quiet\\" room, really"\n2,"C:\\\\"\n3,C:\\temp \\N\n',
        {"id": ["1", "2", "3"], "text": ['a "quiet" room, really', "C:\\", "C:\\temp \\N"]},
        noted="--escape none reads it otherwise",
    ),
    "a MySQL dump": Case(
        "in.tsv",
        b"id\ttext\n1\ta\\\tb good\n2\tline\\\nbreak\n3\t\\N\n4\tsays \"yes\n",
        {"id": ["1", "2", "3", "4"], "text": ["a\tb good", "line\nbreak", "\\N", 'says "yes']},
        CsvOptions(escape="\\", quote="none"),
    ),
    "a header only": Case("in.csv", b"id,text\n", {"id": [], "text": []}),
    "a header only, of other names": Case("in.tsv", b"a\tb", {"a": [], "b": []}),
    "Windows": Case(
        "in.csv",
        f"id,text\n1,it\u2019s {GOOD}\n2,it\u2019s {DULL}\n".encode("cp1252"),
        {"id": ["1", "2"], "text": [f"it\u2019s {GOOD}", f"it\u2019s {DULL}"]},
        CsvOptions(encoding="cp1252"),
        r"2 of 2 rows were rejected, .*rejects\.csv\. --encoding cp1252 may be the right one",
    ),
    "bzip2": Case("in.csv.bz2", bz2.compress(PLAIN), IDS),
    "xz": Case("in.tsv.xz", lzma.compress(PLAIN.replace(b",", b"\t")), IDS),
    "zip": Case("in.csv.zip", zipped(PLAIN), IDS),
}  # fmt: skip


@pytest.fixture(scope="session")
def model(tiny_bundle: Path) -> Model:
    from scorer.bundles.bundle_files import load_bundle

    return load_model(load_bundle(tiny_bundle), "float32")


def run(path: Path, output: Path, model: Model, csv_options: CsvOptions) -> dict[str, Any]:
    """Score a file and return what its `.run.json` says."""
    source = Source(str(path), format_of(str(path)), csv_options, chunk_rows=1)
    score_file(source, Target(str(output), format_of(str(output))), lambda: model)
    return json.loads(output.with_name(f"{output.name}.run.json").read_text())


def read_again(path: Path, quoting: int = csv.QUOTE_MINIMAL) -> dict[str, list[Any]]:
    """Return the columns of a scored file, by another reader."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pydict()
    text = path.read_text(encoding="utf-8")
    delimiter = next(d for d in "\t;\x01^," if f"{d}{SCORES[0]}" in text)
    names, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting)
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_file_as_met_is_read_rightly(
    tmp_path: Path, model: Model, case: Case, ending: str
) -> None:
    path, output = tmp_path / case.name, tmp_path / f"out.{ending}"
    path.write_bytes(case.data)
    summary = run(path, output, model, case.options)
    if ending == "csv" and (
        "escape" in case.noted or case.options.escape
    ):  # the same dialect, byte for byte
        scores = rf"[,\t]({SCORES[0]}|[\d.e-]*)[,\t]({SCORES[1]}|[\d.e-]*)$"
        assert re.sub(scores, "", output.read_text(), flags=re.M) == case.data.decode()
    else:
        quoting = csv.QUOTE_NONE if case.options.quote == "none" else csv.QUOTE_MINIMAL
        found = read_again(output, quoting)
        assert {name: found[name] for name in case.columns} == case.columns
        assert list(found) == [*case.columns, *SCORES]
    assert case.noted in " ".join(summary["notes"])
    if case.refused:
        with pytest.raises(ScorerError, match=case.refused):
            run(path, tmp_path / f"again.{ending}", model, CsvOptions())


def test_names_that_repeat_are_kept_in_csv_and_refused_for_parquet(
    tmp_path: Path, model: Model
) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(CASES["names that repeat"].data)
    run(path, tmp_path / "out.csv", model, CsvOptions())
    header = (tmp_path / "out.csv").read_text().splitlines()[0]
    assert header == f"id,text,id,{','.join(SCORES)}"
    with pytest.raises(ScorerError, match=r"one name: 'id'\. --rename-duplicates"):
        run(path, tmp_path / "out.parquet", model, CsvOptions())


def test_a_run_that_ends_with_a_question_says_first_what_may_be_its_cause(
    tmp_path: Path, tiny_bundle: Path
) -> None:
    path = tmp_path / "in.csv"  # without a header
    path.write_text(f"7,{GOOD},7\n8,{DULL},9\n")
    command = [str(path), str(tmp_path / "out.parquet"), "--bundle", str(tiny_bundle), "--quiet"]
    run = CliRunner().invoke(main, ["score", *command])
    assert run.exit_code == 2
    assert re.search(r"^WARNING: .*looks like data; --no-header.*\nerror: .*'7'", run.stderr)


@pytest.mark.parametrize(
    ("cells", "warning"),
    [
        (["en,so good", "de,so bad"] * 10, "'lang' looks like text"),
        (["schÃ¶n und gut,a b", "fÃ¼r mich,a b"] * 10, "look wrongly decoded \\('schÃ¶n'\\)"),
    ],
)
def test_a_quiet_run_warns_of_a_column_that_is_not_the_text_or_misread(
    tmp_path: Path, tiny_bundle: Path, cells: list[str], warning: str
) -> None:
    path, rows = tmp_path / "in.csv", [f"{cell} {i}" for i, cell in enumerate(cells)]
    path.write_text("\n".join(["comment,lang", *rows, ""]), encoding="utf-8")
    command = [str(path), str(tmp_path / "out.csv"), "--bundle", str(tiny_bundle), "--quiet"]
    run = CliRunner().invoke(main, ["score", *command])
    assert run.exit_code == 0
    assert re.search(rf"^WARNING: .*{warning}", run.stderr, re.M)


@pytest.mark.parametrize(
    ("line", "column"),
    [("Access denied", None), ("foo,bar", None), ("id,Review", ""), ("a,b", "b")],
)
def test_a_line_without_rows_that_is_perhaps_no_header_is_warned_of(
    tmp_path: Path, tiny_bundle: Path, line: str, column: str | None
) -> None:
    (tmp_path / "in.csv").write_text(f"{line}\n")
    command = [str(tmp_path / "in.csv"), str(tmp_path / "out.csv"), "--bundle", str(tiny_bundle)]
    named = ["--text-column", column] if column else []
    result = CliRunner().invoke(main, ["score", *command, *named, "--quiet"])
    assert result.exit_code == 0
    assert ("may be a message in place of a table" in result.stderr) == (column is None)


def test_a_quote_that_swallows_rows_is_noted_in_the_run(tmp_path: Path, model: Model) -> None:
    path = tmp_path / "in.tsv"
    path.write_bytes(CASES["quotes that are text"].data)
    summary = run(path, tmp_path / "out.tsv", model, CsvOptions())
    assert "1 row runs over 3 lines because of a quote" in summary["notes"][0]
    assert "--quote none" in summary["notes"][0]


TIMES = pa.array([253_402_300_799_000_000, 1_714_564_800_000_000], pa.timestamp("us"))
FAR_DAYS = pa.array([3_000_000, -719_529], pa.int32()).cast(pa.date32())
TEXTS = pa.array([GOOD, DULL])
PARQUET: dict[str, tuple[Callable[[], pa.Table], dict[str, Any], dict[str, list[str]]]] = {
    "INT96 of the year 9999": (
        lambda: pa.table({"text": TEXTS, "until": TIMES}),
        {"use_deprecated_int96_timestamps": True, "store_schema": False},
        {"until": ["9999-12-31 23:59:59.000000", "2024-05-01 12:00:00.000000"]},
    ),
    "INT96 in a list": (
        lambda: pa.table({"text": TEXTS, "until": pa.ListArray.from_arrays([0, 1, 2], TIMES)}),
        {"use_deprecated_int96_timestamps": True, "store_schema": False},
        {"until": ['["9999-12-31 23:59:59.000000"]', '["2024-05-01 12:00:00.000000"]']},
    ),
    "dates far away": (
        lambda: pa.table(
            {"text": TEXTS, "day": FAR_DAYS, "days": pa.ListArray.from_arrays([0, 1, 2], FAR_DAYS)}
        ),
        {},
        {
            "day": ["+10183-09-21", "-0001-12-31"],
            "days": ['["+10183-09-21"]', '["-0001-12-31"]'],
        },
    ),
    "no rows": (
        lambda: pa.table({"id": pa.array([], pa.int64()), "text": pa.array([], pa.string())}),
        {},
        {"id": []},
    ),
    "no rows and a nested extension type": (
        lambda: pa.table(
            {
                "text": pa.array([], pa.string()),
                "ids": pa.Table.from_batches([], pa.schema([("ids", pa.list_(pa.uuid()))]))["ids"],
            }
        ),
        {},
        {"ids": []},
    ),
    "pandas' integers": (
        lambda: pa.Table.from_pandas(pd.DataFrame([[GOOD, 1], [DULL, 2]], columns=[0, 1])),
        {},
        {"1": ["1", "2"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", PARQUET)
def test_a_parquet_as_met_keeps_its_values(tmp_path: Path, model: Model, kind: str) -> None:
    make, how, cells = PARQUET[kind]
    table, path = make(), tmp_path / "in.parquet"
    pq.write_table(table, path, **how)
    summary = run(path, tmp_path / "out.parquet", model, CsvOptions())
    assert ("INT96" in " ".join(summary["notes"])) == ("INT96" in kind)
    out = pq.read_table(tmp_path / "out.parquet")
    assert out.column_names == [*table.column_names, *SCORES]
    for name in table.column_names:
        assert out[name].cast(table[name].type).equals(table[name])
    run(path, tmp_path / "out.csv", model, CsvOptions())
    written = read_again(tmp_path / "out.csv")
    assert {name: written[name] for name in cells} == cells


def test_pandas_reads_a_scored_file_as_it_reads_the_input(tmp_path: Path, model: Model) -> None:
    frame = pd.DataFrame([[GOOD, 1], [DULL, 2]], columns=[0, 1], index=pd.Index(["a", "b"]))
    frame.to_parquet(tmp_path / "in.parquet")
    run(tmp_path / "in.parquet", tmp_path / "out.parquet", model, CsvOptions())
    out = pd.read_parquet(tmp_path / "out.parquet")
    assert list(out.columns) == [0, 1, *SCORES]
    pd.testing.assert_index_equal(out.index, frame.index)
    assert out[[0, 1]].to_numpy().tolist() == frame.to_numpy().tolist()
