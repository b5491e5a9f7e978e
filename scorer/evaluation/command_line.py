"""A command as it is typed in a shell. Knows words and options, nothing of what they do."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any


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
