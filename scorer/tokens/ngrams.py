"""Character n-grams of tokens: what a word outside the vocabulary shares with those inside.

As fastText's subwords (Bojanowski et al. 2017, arXiv 1607.04606): of the token in lower case
between `<` and `>`, so that its beginning and end are told apart. Knows nothing of what they weigh.
"""

from collections import Counter
from collections.abc import Mapping

SIZES = range(3, 6)  # characters
LONGEST = 64  # characters of a token; what is longer is no word, and would have thousands
LEAST_OCCURRENCES = 2


def ngrams_of(token: str) -> list[str]:
    """Return the distinct n-grams of a token, in alphabetical order."""
    if len(token) > LONGEST:
        return []
    word = f"<{token.lower()}>"
    return sorted({word[at : at + n] for n in SIZES for at in range(len(word) - n + 1)})


def most_frequent_ngrams(counts: Mapping[str, int], limit: int) -> tuple[str, ...]:
    """Return the `limit` n-grams that are met most often, of tokens with their occurrences."""
    found: Counter[str] = Counter()
    for token, count in counts.items():
        found.update(dict.fromkeys(ngrams_of(token), count))
    frequent = ((ngram, n) for ngram, n in found.items() if n >= LEAST_OCCURRENCES)
    ordered = sorted(frequent, key=lambda item: (-item[1], item[0]))
    return tuple(ngram for ngram, _ in ordered[:limit])
