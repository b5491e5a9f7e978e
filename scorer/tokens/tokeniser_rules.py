"""The rules of a language's tokeniser, as data: spaCy's, read in training and kept in the bundle.

So a bundle's tokens do not depend on the spaCy that is installed where it scores.
Knows nothing of how the rules are applied.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any

from scorer.errors import BundleError, UsageError


@dataclass(frozen=True)
class TokeniserRules:
    """What `spacy.blank(language).tokenizer` is made of.

    prefixes, suffixes, infixes: regular expressions.
    token_match, url_match: expressions or None; what one of them matches stays one token.
    special_cases: texts and their tokens.
    """

    prefixes: tuple[str, ...]
    suffixes: tuple[str, ...]
    infixes: tuple[str, ...]
    token_match: str | None
    url_match: str | None
    special_cases: Mapping[str, tuple[str, ...]]

    def to_json(self) -> bytes:
        """Return the rules as JSON."""
        return json.dumps(asdict(self), indent=0, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "TokeniserRules":
        """Return the rules that `to_json` wrote; raises BundleError where they are no rules."""
        try:
            values = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise BundleError(f"the tokeniser's rules are not JSON: {error}") from error
        if not isinstance(values, dict) or set(values) != {field.name for field in fields(cls)}:
            raise BundleError(f"the tokeniser's rules are not {', '.join(cls.__annotations__)}")
        for name in ("prefixes", "suffixes", "infixes"):
            values[name] = _texts(values[name], name)
        for name in ("token_match", "url_match"):
            _texts([values[name] or ""], name)
        cases = values.pop("special_cases")
        if not isinstance(cases, dict):
            raise BundleError("the tokeniser's special cases are no object")
        return cls(**values, special_cases={case: _spelt(case, cases[case]) for case in cases})


@lru_cache(maxsize=4)
def rules_of(language: str) -> TokeniserRules:
    """Return the rules of a language as the installed spaCy has them.

    Raises UsageError for a language that spaCy lacks or cuts otherwise than at spaces.
    """
    nlp = blank(language)
    defaults, tokenizer = nlp.Defaults, nlp.tokenizer
    return TokeniserRules(
        prefixes=tuple(defaults.prefixes or ()),
        suffixes=tuple(defaults.suffixes or ()),
        infixes=tuple(defaults.infixes or ()),
        token_match=_expression(tokenizer.token_match),
        url_match=_expression(tokenizer.url_match),
        special_cases={case: _tokens(tokens) for case, tokens in tokenizer.rules.items()},
    )


def blank(language: str) -> Any:
    """Return `spacy.blank(language)`; raises UsageError as `rules_of`."""
    import spacy
    from spacy.tokenizer import Tokenizer

    try:
        nlp = spacy.blank(language)
    except ImportError as error:
        raise UsageError(f"spaCy has no tokeniser for the language {language!r}") from error
    if type(nlp.tokenizer) is not Tokenizer:
        raise UsageError(f"spaCy does not cut the language {language!r} at spaces")
    return nlp


def _expression(match: Any) -> str | None:
    """Return the regular expression whose bound `match` method spaCy calls, its flag inside."""
    if match is None:
        return None
    pattern = getattr(match, "__self__", None)
    if not isinstance(pattern, re.Pattern):
        raise UsageError(f"spaCy's rules of this language are of another kind: {match!r}")
    if re.compile(pattern.pattern).flags == pattern.flags:
        return str(pattern.pattern)
    if pattern.flags != re.UNICODE | re.IGNORECASE:
        raise UsageError(f"spaCy's rules of this language have other flags: {pattern!r}")
    return f"(?i:{pattern.pattern})"


def _tokens(case: Any) -> tuple[str, ...]:
    from spacy.attrs import ORTH

    return tuple(token["ORTH"] if "ORTH" in token else token[ORTH] for token in case)


def _texts(values: Any, where: str) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(text, str) for text in values):
        raise BundleError(f"the tokeniser's {where} are no texts")
    return tuple(values)


def _spelt(case: str, tokens: Any) -> tuple[str, ...]:
    """Return the tokens of a special case, which have to spell it."""
    texts = _texts(tokens, f"special case {case!r}")
    if not case or not all(texts) or "".join(texts) != case:
        raise BundleError(f"the tokens of the special case {case!r} do not spell it")
    return texts
