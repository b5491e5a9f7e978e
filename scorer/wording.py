"""Numbers and commands as messages have them: `1 row was`, `2,000 rows were`, `3 min 05 s`.

Knows words, not what they are about.
"""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, which is in the plural unless there is one."""
    return f"{number:,} {plural(noun, number)}"


def plural(noun: str, number: int) -> str:
    """Return the plural of a noun, a regular one, unless there is one."""
    if number == 1:
        return noun
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"


def are(number: int) -> str:
    """Return the verb that goes with a number of things."""
    return "is" if number == 1 else "are"


def were(number: int) -> str:
    """Return the same in the past."""
    return "was" if number == 1 else "were"


def have(number: int) -> str:
    """Return what a number of things has."""
    return "has" if number == 1 else "have"


def duration(seconds: float) -> str:
    """Return seconds as people say them: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def command_line(words: Sequence[object], options: Mapping[str, Any]) -> str:
    """Return words and options for a shell; options of None, False and no entries are left out.

    options: name (`max_loss`) -> value; True is a flag, a list an option that is repeated.
    """
    parts = [str(word) for word in words]
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        for one in value if isinstance(value, list) else [value]:
            if one is not None and one is not False:
                parts += [option] if one is True else [option, str(one)]
    return shlex.join(parts)
