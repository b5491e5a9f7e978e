"""The rules of a language's tokeniser, as data: spaCy's, read in training and kept in the bundle.

So a bundle's tokens do not depend on the spaCy that is installed where it scores, nor need it.
Knows nothing of how the rules are applied.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from itertools import chain
from typing import Any

from scorer.errors import BundleError, UsageError

FLAGS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s", re.VERBOSE: "x"}


@dataclass(frozen=True)
class TokeniserRules:
    """What `spacy.blank(language).tokenizer` is made of.

    prefixes, suffixes, infixes: regular expressions; token_match, url_match: such of what is left
    whole, None where there is none; special_cases: texts and their tokens.
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
        values = json.loads(data)
        if not isinstance(values, dict) or set(values) != {field.name for field in fields(cls)}:
            raise BundleError(f"the tokeniser's rules are not {', '.join(cls.__annotations__)}")
        rules = cls(
            prefixes=tuple(values["prefixes"]),
            suffixes=tuple(values["suffixes"]),
            infixes=tuple(values["infixes"]),
            token_match=values["token_match"],
            url_match=values["url_match"],
            special_cases={k: tuple(tokens) for k, tokens in dict(values["special_cases"]).items()},
        )
        rules.check()
        return rules

    def check(self) -> None:
        """Raise BundleError where a rule is no text or a special case's tokens do not spell it."""
        whole = (rule for rule in (self.token_match, self.url_match) if rule is not None)
        for rule in chain(self.prefixes, self.suffixes, self.infixes, whole):
            if not isinstance(rule, str):
                raise BundleError(f"the rule {rule!r} of the tokeniser is no text")
        for case, tokens in self.special_cases.items():
            if not all(token and isinstance(token, str) for token in tokens) or (
                "".join(tokens) != case
            ):
                raise BundleError(f"the tokens of the special case {case!r} do not spell it")


@lru_cache(maxsize=4)
def rules_of(language: str) -> TokeniserRules:
    """Return the rules of a language as the installed spaCy has them.

    Raises UsageError for a language that spaCy lacks or cuts otherwise than at spaces.
    """
    nlp = _blank(language)
    defaults, tokenizer = nlp.Defaults, nlp.tokenizer
    return TokeniserRules(
        prefixes=tuple(defaults.prefixes or ()),
        suffixes=tuple(defaults.suffixes or ()),
        infixes=tuple(defaults.infixes or ()),
        token_match=_expression(tokenizer.token_match),
        url_match=_expression(tokenizer.url_match),
        special_cases={case: _texts(nlp, tokens) for case, tokens in tokenizer.rules.items()},
    )


def _blank(language: str) -> Any:
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
    """Return the regular expression whose bound `match` method spaCy calls, its flags inside."""
    if match is None:
        return None
    pattern: re.Pattern[str] = match.__self__
    if re.compile(pattern.pattern).flags == pattern.flags:
        return pattern.pattern
    flags = "".join(letter for flag, letter in FLAGS.items() if pattern.flags & flag)
    return f"(?{flags}:{pattern.pattern})"


def _texts(nlp: Any, tokens: Any) -> tuple[str, ...]:
    from spacy.attrs import ORTH

    return tuple(token["ORTH"] if "ORTH" in token else token[ORTH] for token in tokens)
