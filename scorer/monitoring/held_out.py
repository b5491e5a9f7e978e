"""A bundle on labelled files: the figures a person decides by. Trains nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from scorer.bundles.bundle import Bundle
from scorer.bundles.predictor import load_predictor
from scorer.corpus.class_map import ClassMap
from scorer.corpus.labelled import Labelled, read_labelled
from scorer.corpus.labelled_columns import Columns
from scorer.corpus.labelled_rows import LabelledRows
from scorer.evaluation.evaluation import Evaluation, evaluate
from scorer.files.urls import Location
from scorer.tables.doubts import Doubt
from scorer.tables.formats import ReadOptions


def read_held_out(
    bundle: Bundle, paths: Sequence[Location], columns: Columns, options: ReadOptions | None = None
) -> Labelled:
    """Read labelled files as a bundle was trained to.

    Columns that are not named are those of its training, where the files have them. Labels mean
    what they meant there, or their class's name. Raises `InputError` or `UsageError` for files or
    labels that cannot be read.
    """
    names = {name: name for name in bundle.classes}
    class_map = ClassMap(bundle.classes, {**names, **bundle.label_values})
    text, label = bundle.text_column, bundle.facts.label_column
    columns = replace(columns, trained_text=text, trained_label=label)
    read = read_labelled(paths, columns, class_map, options)
    return replace(read, notes=(*read.notes, *_known_files(bundle, read.files)))


def _known_files(bundle: Bundle, files: Mapping[str, str]) -> Iterator[Doubt]:
    """Yield a doubt about each of the files (path -> sha256) that the bundle was trained on."""
    trained = {file["sha256"] for file in bundle.facts.training.get("files", ())}
    for path, sha256 in files.items():
        if sha256 in trained:
            yield Doubt(f"{path}: {bundle.version} was trained on rows of it: figures get too good")


def evaluate_bundle(bundle: Bundle, rows: LabelledRows) -> Evaluation:
    """Return the figures of a bundle on labelled rows, whose targets index its classes."""
    predictor = load_predictor(bundle, workers=0)
    probabilities = predictor.predict(predictor.encode(rows.texts)).probabilities
    return evaluate(probabilities, rows.targets, bundle.classes)
