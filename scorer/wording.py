"""Numbers with their nouns, as messages have them: `1 row`, `2,000 rows`, `1 class`."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, which is in the plural unless there is one."""
    return f"1 {noun}" if number == 1 else f"{number:,} {plural(noun)}"


def plural(noun: str) -> str:
    """Return the plural of a noun with a regular one."""
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"
