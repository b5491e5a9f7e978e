"""Which encodings bytes that are not UTF-8 are probably in, for a hint: nothing is read by it.

In the right encoding, what is not ASCII is mostly the usual letters of one language, each in a
place where it may stand. Knows bytes and alphabets, nothing of CSV.
"""

# ruff: noqa: RUF001 (marks that look like ASCII)
import math
from collections import Counter
from collections.abc import Callable, Iterable

from scorer.tables.alphabets import SCRIPTS

MAX_BYTES = 1 << 14
UNKNOWN, IDEOGRAPH, MARK, CAPITAL = 12.0, 9.0, 4.0, 2.0  # costs: minus logarithms of a probability
LIKELY = 8.0  # at most, in the mean of the characters
RARER = 1.0  # cost of an encoding for each that is more usual in its script
CLOSE = 2.3  # as the logarithm of ten: encodings that are less apart are both named
MARKS = frozenset("\xa0’‘“”„‚«»…–—€£§°±²³½µ©®×·´¡¿、。，！？「」・：（）")
QUOTES = frozenset("“”„‚«»¡¿…")  # never between two letters
ALPHABETIC = range(0x370, 0x1100)  # Greek to Thai: such a letter is never beside a Latin one
IDEOGRAPHS = (range(0x4E00, 0xA000), range(0xAC00, 0xD7A4))  # Han and Hangul


def guess_encodings(data: bytes) -> list[str]:
    """Return the likeliest encoding, and another one that is about as likely but reads otherwise.

    Nothing is returned where no encoding makes sense of the bytes.
    """
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    data = b"\n".join(lines)[:MAX_BYTES]
    costs: dict[str, tuple[float, str]] = {}  # of each text that some encoding reads
    for script in SCRIPTS:
        for rank, encoding in enumerate(script.encodings):
            text = data.decode(encoding, "replace")
            cost = rank * RARER + _cost(text, script.languages)
            known = costs.get(text, (cost, encoding))
            costs[text] = min(cost, known[0]), known[1]
    (least, best, text), *others = sorted((*costs[text], text) for text in costs)
    if least > LIKELY * sum(not character.isascii() for character in text):
        return []
    return [best, *(other for cost, other, _ in others[:1] if cost < least + CLOSE)]


def _cost(text: str, languages: Iterable[str]) -> float:
    """Return how unlikely the characters of a text beyond ASCII are, in the likeliest language."""
    found: Counter[str] = Counter()
    capitals = 0
    for place, count in Counter(zip(" " + text, text, text[1:] + " ", strict=False)).items():
        before, character, _ = place
        if not character.isascii():
            found["\ufffd" if _is_misplaced(*place) else character.lower()[0]] += count
            capitals += count * (character.isupper() and not before.isupper())
    return capitals * CAPITAL + min(
        sum(count * costs(character) for character, count in found.items())
        for costs in map(_costs_in, languages)
    )


def _is_misplaced(before: str, character: str, after: str) -> bool:
    """Return whether a character cannot stand between the two beside it."""
    if character.isupper():
        return before.islower() or before.isdigit() or after.isdigit()
    if ord(character) in ALPHABETIC:
        return any(other.isascii() and other.isalpha() for other in (before, after))
    return character in QUOTES and before.isalpha() and after.isalpha()


def _costs_in(letters: str) -> Callable[[str], float]:
    """Return what tells how unlikely a character is in a language: its letters as by Zipf's law."""
    ranks = {letter: rank for rank, letter in enumerate(dict.fromkeys(letters), 2)}
    total = sum(1 / rank for rank in ranks.values())

    def cost(character: str) -> float:
        if character in ranks:
            return math.log(ranks[character] * total)
        if character in MARKS:
            return MARK
        return IDEOGRAPH if any(ord(character) in some for some in IDEOGRAPHS) else UNKNOWN

    return cost
