from scorer import errors
from scorer.errors import InputError, InterruptedRunError, ScorerError


def test_an_error_reads_as_what_happened_and_what_helps():
    error = InputError("no such file: reviews.csv", hint="Did you mean 'review.csv'?")
    assert str(error) == "no such file: reviews.csv. Did you mean 'review.csv'?"


def test_the_exit_codes_are_the_documented_ones():
    kinds = [kind for kind in ScorerError.__subclasses__() if kind.__module__ == errors.__name__]
    codes = {kind.__name__: kind.exit_code for kind in kinds}
    codes.pop(InterruptedRunError.__name__)
    assert codes == {
        "UsageError": 2,
        "InputError": 3,
        "BundleError": 4,
        "RowsError": 5,
        "GateError": 6,
        "OutputBusyError": 75,
    }
    assert InterruptedRunError("stopped", 15).exit_code == 143
