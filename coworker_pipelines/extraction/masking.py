"""What names a person, replaced by a fixed mark; the rest stays as it is. Pure.

Taking in a record that mentions an erased person, and erasing that person from a document
that is stored, go through the same functions: so both arrive at the same bytes and hash.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from unicodedata import normalize as normalise_unicode

import orjson

from coworker_pipelines.extraction.addresses import located_addresses
from coworker_pipelines.extraction.payload import canonical_payload

MARK: Final = "[erased]"
"""It holds nothing that could be part of an address or of a word, so nothing grows from it."""

_IDEOGRAPHS: Final = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
"""Letters that stand in a text without a space between words."""
_INSIDE_A_WORD: Final = rf"[^\W_{_IDEOGRAPHS}]"
_ACCENT: Final = r"[\u0300-\u036f]"

Terms = re.Pattern[str]


def mask_addresses(payload: bytes, is_masked: Callable[[str], bool]) -> bytes:
    """A JSON text with the mark in the place of every e-mail address that is to be masked.

    ``is_masked`` is asked for each address as it is written. What is returned is canonical if
    anything was masked, and the payload itself if nothing was. Masking again changes nothing.
    """
    spans = sorted(
        (found.start, found.end) for found in located_addresses(payload) if is_masked(found.text)
    )
    if not spans:
        return payload
    return _canonical(b"".join(_around(payload, spans)))


def terms_of(texts: Iterable[str]) -> Terms | None:
    """What finds the terms as whole words, in either case and however accents are composed.

    ``None`` where no term holds a letter or a digit.
    """
    patterns = sorted(
        {
            _pattern(form)
            for text in texts
            for form in (normalise_unicode("NFC", text), normalise_unicode("NFD", text))
            if any(character.isalnum() for character in form)
        },
        key=lambda pattern: (-len(pattern), pattern),
    )
    return re.compile("|".join(patterns), re.IGNORECASE) if patterns else None


def mask_terms(payload: bytes, terms: Terms) -> bytes:
    """A JSON text with the mark in the place of every term, in names and in values.

    A number is masked where it is a term as a whole. What is returned is canonical if anything
    was masked, and the payload itself if nothing was.
    """
    content = orjson.loads(payload)
    masked = _masked(content, terms)
    return payload if masked == content else orjson.dumps(masked, option=orjson.OPT_SORT_KEYS)


def holds_terms(payload: bytes, terms: Terms) -> bool:
    """Whether masking would change anything."""
    return mask_terms(payload, terms) is not payload


def _around(payload: bytes, spans: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """What lies before, between and behind the spans, and one mark for those that overlap."""
    position = 0
    for start, end in spans:
        if start >= position:
            yield payload[position:start]
            yield MARK.encode()
        position = max(position, end)
    yield payload[position:]


def _canonical(text: bytes) -> bytes:
    """Sorted again: a masked name has another place."""
    return canonical_payload(orjson.loads(text))


def _pattern(term: str) -> str:
    words = r"\s+".join(map(re.escape, term.split()))
    before = rf"(?<!{_INSIDE_A_WORD})" if re.match(_INSIDE_A_WORD, term.strip()) else ""
    behind = rf"(?!{_INSIDE_A_WORD}|{_ACCENT})" if _ends_a_word(term.strip()) else ""
    return before + words + behind


def _ends_a_word(term: str) -> bool:
    return re.search(rf"(?:{_INSIDE_A_WORD}|{_ACCENT})$", term) is not None


def _masked(content: Any, terms: Terms) -> Any:
    match content:
        case str():
            return terms.sub(MARK, content)
        case list():
            return [_masked(entry, terms) for entry in content]
        case dict():
            return {terms.sub(MARK, name): _masked(entry, terms) for name, entry in content.items()}
        case int() | float() if not isinstance(content, bool):
            return MARK if terms.fullmatch(str(content)) else content
        case _:
            return content
