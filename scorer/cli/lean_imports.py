"""What a scoring job's imports would bring along for nothing, left out: a third of a second.

pandas      Arrow imports it with its first array
plugins     pydantic, which spaCy imports, looks through every installed package for some

Knows Python's import system, nothing of scoring. For a process that is the job's own.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.abc import MetaPathFinder

NO_PLUGINS = ("PYDANTIC_DISABLE_PLUGINS", "__all__")


class _NoPandas(MetaPathFinder):
    """Answers for pandas alone, with the error that Arrow takes for its absence."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("pandas is left out while a scoring job runs", name=name)


@contextmanager
def lean_imports(engine: str) -> Iterator[None]:
    """While entered, pandas cannot be imported; another engine than `local` imports as it likes."""
    if engine != "local":
        yield
        return
    hook = _NoPandas()
    sys.meta_path.insert(0, hook)
    os.environ.setdefault(*NO_PLUGINS)
    try:
        yield
    finally:
        sys.meta_path.remove(hook)
