"""A bundle on labelled files: the figures a person decides by. Trains nothing."""

from collections.abc import Sequence

from scorer.bundles.bundle import Bundle
from scorer.bundles.predictor import load_predictor
from scorer.corpus.class_map import ClassMap
from scorer.corpus.labelled import read_labelled
from scorer.corpus.labelled_columns import Columns
from scorer.evaluation.evaluation import Evaluation, evaluate
from scorer.files.urls import Location
from scorer.tables.formats import ReadOptions


def evaluate_bundle(
    bundle: Bundle, paths: Sequence[Location], columns: Columns, options: ReadOptions | None = None
) -> Evaluation:
    """Return the figures of a bundle on the rows of labelled files.

    Labels mean what they meant in the bundle's training, or their class's name. Raises
    `InputError` or `UsageError` for files or labels that cannot be read.
    """
    names = {name: name for name in bundle.classes}
    class_map = ClassMap(bundle.classes, {**names, **bundle.label_values})
    rows = read_labelled(paths, columns, class_map, options).rows
    predictor = load_predictor(bundle, workers=0)
    probabilities = predictor.predict(predictor.encode(rows.texts)).probabilities
    return evaluate(probabilities, rows.targets, bundle.classes)
