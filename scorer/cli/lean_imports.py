"""What a scoring job's imports would bring along for nothing, left out: two thirds of a second.

pandas      Arrow imports it with its first array
plugins     pydantic, which spaCy imports, looks through every installed package for some
garbage     Python looks for it again and again in modules that stay, and once more when it ends

Knows Python's import system, nothing of scoring. For a process that is the job's own.
"""

import atexit
import gc
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


@contextmanager
def lasting_objects() -> Iterator[None]:
    """Take what is made while entered for lasting: it is never looked through for garbage."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
    atexit.register(gc.freeze)
