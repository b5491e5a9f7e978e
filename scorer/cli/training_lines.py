"""The console lines of a training: what the lecture looks at, while it runs.

Knows the callbacks of a training, nothing of how it trains.
"""

import shlex
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from scorer.bundles.pretrained_encoder import PretrainedEncoder
from scorer.cli.console import Progress, Standing
from scorer.corpus.corpus import Corpus
from scorer.corpus.label_values import SHOWN, show_some
from scorer.evaluation.evaluation import Evaluation
from scorer.tokens.vocabulary import Vocabulary
from scorer.training.callbacks import Callbacks
from scorer.training.fitting import Epoch, Step
from scorer.training.packaging import TrainingResult
from scorer.training.pretraining import PretrainStep
from scorer.wording import counted, duration

SHOWN_TOKENS = 20
LEAST_RECALLED = 3  # classes shown of many


class TrainingPrinter(Callbacks):
    """Prints what the lecture looks at while a training runs."""

    def __init__(self, progress: Progress, store: Path) -> None:
        self._progress, self._store = progress, store
        self._started = time.monotonic()
        self._reading = ""  # an option that the table needed, though it was not given

    def on_begin(self, what: str) -> None:
        """Show what is being done."""
        self._progress.begin(what)

    def on_corpus(self, corpus: Corpus) -> None:
        """Print columns, labels, parts and notes."""
        say = self._progress.say
        self._reading = " --no-header" if corpus.headless else ""
        say(f"texts in {corpus.text_column!r}, labels in {corpus.label_column!r}")
        say(f"labels: {_meaning(corpus)}")
        for part, counts in corpus.class_counts().items():
            say(f"{part}: {counted(sum(counts.values()), 'row')} ({_class_sizes(counts)})")
        for note in corpus.notes:
            self.on_note(note)

    def on_note(self, line: str) -> None:
        """Print a note; in a quiet run only a doubt, as a warning."""
        self._progress.note(line)

    def on_warning(self, line: str) -> None:
        """Print a warning, quiet or not."""
        self._progress.warn(line)

    def on_vocabulary(self, vocabulary: Vocabulary, counts: Counter[str]) -> None:
        """Print its size and the most frequent tokens."""
        common = ", ".join(
            f"{token} {count:,}" for token, count in counts.most_common(SHOWN_TOKENS)
        )
        self._progress.say(f"vocabulary: {len(vocabulary):,} tokens; most frequent: {common}")

    def on_pretraining(self, step: PretrainStep) -> None:
        """Show where it stands."""
        self._progress.update(
            Standing(
                "pretraining",
                step.tokens / max(step.total_tokens, 1),
                f"{step.tokens:,} of {step.total_tokens:,} tokens, "
                f"{duration(step.seconds_left)} left, {step.tokens_per_second:,.0f} tokens/s, "
                f"loss {step.loss:.3f}",
                vars(step),
            )
        )

    def on_pretrained(self, encoder: PretrainedEncoder, folder: Path | None) -> None:
        """Print where the pretrained encoder was saved."""
        again = f"; --start-from {folder} uses it again" if folder else ""
        self._progress.say(f"pretrained in {self._elapsed()}{again}")

    def on_step(self, step: Step) -> None:
        """Show where the epoch stands."""
        done = (step.epoch - 1 + step.batch / step.batches) / step.epochs
        self._progress.update(
            Standing(
                f"epoch {step.epoch} of {step.epochs}",
                done,
                f"batch {step.batch:,} of {step.batches:,}, {duration(step.seconds_left)} left, "
                f"{step.texts_per_second:.0f} texts/s, loss {step.loss:.4f}, "
                f"accuracy {step.accuracy:.2%}",
                {**vars(step), "share": done},
            )
        )

    def on_epoch(self, epoch: Epoch) -> None:
        """Print its figures."""
        self._progress.say(
            f"epoch {epoch.epoch}: loss {epoch.loss:.4f}, training accuracy "
            f"{epoch.train_accuracy:.2%}, validation accuracy {epoch.valid_accuracy:.2%}, "
            f"{self._elapsed()} elapsed"
        )

    def on_result(self, result: TrainingResult) -> None:
        """Print the final figures, those of simpler models, and what to doubt."""
        test, best, baseline = result.test, result.fitted.best, result.baseline
        say = self._progress.say
        say(f"best epoch: {best.epoch}, validation accuracy {best.valid_accuracy:.2%}")
        say(
            f"test accuracy: {test.accuracy:.2%} (95% interval {test.accuracy_low:.2%} to "
            f"{test.accuracy_high:.2%}, {counted(test.rows, 'row')}), log loss "
            f"{test.log_loss:.4f}, calibration error {test.calibration_error:.4f}"
        )
        if len(test.per_class) > 2 or not test.is_balanced:
            say(recall_line(test))
        say(
            f"beside it: TF-IDF with logistic regression {baseline.linear:.2%} (from "
            f"{counted(baseline.training_rows, 'training row')}, in "
            f"{duration(baseline.seconds)}), always guessing one class {baseline.majority:.2%}"
        )
        for line in result.warnings:
            self._progress.warn(line)

    def on_verdict(self, verdict: str) -> None:
        """Print how the new bundle stands beside the one in use."""
        self._progress.say(f"gate: {verdict}")

    def on_report(self, path: Path) -> None:
        """Print where the report is."""
        self._progress.say(f"report: {path}")

    def end(self, version: str, in_use: bool, reading: str = "") -> None:
        """Print what is in use now; `reading` are the options by which its table was read."""
        state = "now in use" if in_use else "written, not put in use,"
        self._progress.say(
            f"bundle {version} is {state} in {self._store}; {self._elapsed()} in all"
        )
        if in_use:
            store = shlex.quote(str(self._store))
            reading += self._reading
            self._progress.say(f"score with it: score_job.py IN OUT --store {store}{reading}")

    def _elapsed(self) -> str:
        return duration(time.monotonic() - self._started)


def _meaning(corpus: Corpus) -> str:
    """Return which label value is which class; of many classes, named as their values, some."""
    values = corpus.label_values
    if len(values) <= SHOWN or any(value != name for value, name in values.items()):
        return ", ".join(f"{value!r} is {name}" for value, name in values.items())
    return f"{len(values)} classes, named as the values are: {show_some(corpus.classes)}"


def _class_sizes(counts: Mapping[str, int]) -> str:
    """Return the rows of each class; of many classes, the fewest and the most."""
    if len(counts) > SHOWN:
        return f"{min(counts.values()):,} to {max(counts.values()):,} of each class"
    return ", ".join(f"{count:,} {_plain(name)}" for name, count in counts.items())


def _plain(name: str) -> str:
    """Return a class's name, quoted where it could be read as a number."""
    return name if name[:1].isalpha() else repr(name)


def recall_line(test: Evaluation) -> str:
    """Return the recall of each class, the least first; of many classes, the least ones alone."""
    order = sorted(test.per_class, key=lambda one: one.recall)
    known = [
        f"{_plain(one.name)} {one.recall:.1%} of {one.support:,}" for one in order if one.support
    ]
    what = "recall on test rows"
    if len(known) > SHOWN:
        what, known = f"{what}, least of {len(known)} classes", known[:LEAST_RECALLED]
    return f"{what}: {', '.join(known)}; macro-F1 {test.macro_f1:.2%}"
