import pytest

from scorer.cli import train
from scorer.errors import UsageError
from scorer.network.model import CELLS, POOLINGS
from scorer.training.recipe import PRESETS, make_recipe


def test_settings_replace_those_of_the_preset_and_none_keeps_them() -> None:
    how = make_recipe("accurate", seed=3, epochs=2, hidden_dim=16, batch_size=None, passes=1)
    assert (how.training.seed, how.training.epochs, how.hidden_dim) == (3, 2, 16)
    assert how.training.batch_size == PRESETS["accurate"].training.batch_size
    assert (how.pretraining.passes, how.pretraining.seed) == (1, 3)


def test_an_unknown_preset_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(
        UsageError, match="no preset 'best'; choose one of: accurate, quick, fast, lect"
    ):
        make_recipe("best")


def test_words_are_looked_up_by_other_spellings_but_in_the_lecture_s_presets() -> None:
    spelled = {name for name in PRESETS if make_recipe(name).rules.other_spellings}
    assert spelled == {"accurate", "quick", "fast"}


def test_the_lecture_s_presets_are_as_the_lecture_was() -> None:
    packed = make_recipe("lecture-packed")
    assert (packed.training.batch_size, packed.training.learning_rate) == (128, 0.005)
    assert (packed.pooling, packed.dropout, packed.training.averaging) == ("last", 0, 0)
    assert not packed.rules.strip_markup
    assert make_recipe("lecture-lstm").training.through_padding
    assert make_recipe("lecture-rnn").cell == "rnn"


def test_help_shows_the_choices_there_are() -> None:
    assert "|".join(PRESETS) == train.PRESETS
    assert "|".join(CELLS) == train.CELLS
    assert "|".join(POOLINGS) == train.POOLINGS
