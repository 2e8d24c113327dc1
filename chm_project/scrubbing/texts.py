"""Find secrets in a text.

One search finds all anchors of rules and all listed secret names. Then each rule is tried only at its own anchors.
"""

import re
from collections.abc import Sequence

from ahocorasick_rs import AhoCorasick, BytesAhoCorasick, Implementation

from chm_project.scrubbing.context_rules import CONTEXT_RULES
from chm_project.scrubbing.decoding import decode
from chm_project.scrubbing.named_values import Span, name_at, secret_value
from chm_project.scrubbing.rules import Rule
from chm_project.scrubbing.secret_names import kind_of_secret, literals_in_names
from chm_project.scrubbing.token_rules import TOKEN_RULES
from chm_project.scrubbing.value_checks import FILTERED, looks_random

RULES = TOKEN_RULES + CONTEXT_RULES
# One of a rule's `nearby_words` must occur within this many characters before the anchor.
_NEARBY_CHARACTERS = 300


def _rules_by_anchor() -> dict[str, tuple[Rule, ...]]:
    anchors = sorted({anchor for rule in RULES for anchor in rule.anchors})
    return {anchor: tuple(rule for rule in RULES if anchor in rule.anchors) for anchor in anchors}


_RULES_BY_ANCHOR = _rules_by_anchor()
_LITERALS_IN_NAMES = literals_in_names()
_LITERALS = sorted(_LITERALS_IN_NAMES | _RULES_BY_ANCHOR.keys())
_RULES_OF_LITERAL = [_RULES_BY_ANCHOR.get(literal, ()) for literal in _LITERALS]
_IS_IN_SECRET_NAME = [literal in _LITERALS_IN_NAMES for literal in _LITERALS]
_SEARCH_IN_TEXT = AhoCorasick(_LITERALS, implementation=Implementation.ContiguousNFA, store_patterns=False)
# A search in bytes is faster. But its positions count bytes, so CHM uses it only for ASCII texts, in which each
# character is one byte.
_SEARCH_IN_ASCII = BytesAhoCorasick([literal.encode() for literal in _LITERALS], implementation=Implementation.DFA)

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def scrub_text(text: str) -> str:
    """Return the text with [filtered] in place of every secret."""
    spans = secret_spans(text)
    if not spans:
        return text
    pieces = []
    position = 0
    for start, end in spans:
        pieces += [text[position:start], FILTERED]
        position = end
    return "".join([*pieces, text[position:]])


def secret_spans(text: str) -> list[Span]:
    """Return the spans of secrets, in order and without overlaps."""
    spans = _find_spans(text)
    if decoded_text := decode(text):
        spans += [decoded_text.original_span(span) for span in _find_spans(decoded_text.text)]
    return _merge_overlaps(spans) if len(spans) > 1 else spans


def search_payload(encoded: str) -> tuple[bool, bool]:
    """Return whether the JSON text of a payload may contain secrets, and whether every part of it is harmless.

    The first value is False only if the text contains no secret name and matches no rule. The second value is True only
    if the text contains no anchor and no listed secret name. Then a search in any part of the text finds nothing.
    """
    lower_text = _lower(encoded)
    literals = _literals_in(lower_text)
    decoded_text = decode(encoded)
    if decoded_text is None:
        return bool(literals) and _may_hold_secret(encoded, lower_text, literals), not literals
    if _may_hold_secret(encoded, lower_text, literals):
        return True, False
    lower_text = _lower(decoded_text.text)
    return _may_hold_secret(decoded_text.text, lower_text, _literals_in(lower_text)), False


def _may_hold_secret(encoded: str, lower_text: str, literals: Sequence[tuple[int, int, int]]) -> bool:
    has_escapes = "\\" in encoded
    for literal_index, start, end in literals:
        # In a JSON text with escapes, values look different, so the pattern may not match. Then the anchor is enough
        # to suspect a secret, together with a nearby word if the rule requires one.
        if any(
            _has_nearby_word(rule, lower_text, start, end)
            if has_escapes
            else _secret_span_of(rule, encoded, lower_text, start, end)
            for rule in _RULES_OF_LITERAL[literal_index]
        ):
            return True
        if _IS_IN_SECRET_NAME[literal_index]:
            name_start, name_end = name_at(encoded, start, end)
            if kind_of_secret(encoded[name_start:name_end]) or (
                has_escapes and encoded[name_start - 1] == "\\" and kind_of_secret(encoded[name_start + 1 : name_end])
            ):
                return True
    return False


def _literals_in(lower_text: str) -> Sequence[tuple[int, int, int]]:
    """Return for each anchor and listed name in a lower-case text: its index in _LITERALS, its start and its end."""
    if lower_text.isascii():
        return _SEARCH_IN_ASCII.find_matches_as_indexes(lower_text.encode(), overlapping=True)
    try:
        return _SEARCH_IN_TEXT.find_matches_as_indexes(lower_text, overlapping=True)
    except UnicodeEncodeError:
        # The search accepts no lone surrogates. The replacement keeps all positions.
        return _SEARCH_IN_TEXT.find_matches_as_indexes(_LONE_SURROGATE.sub("\ufffd", lower_text), overlapping=True)


def _lower(text: str) -> str:
    """Return the text in lower case with the same length."""
    lower_text = text.lower()
    if len(lower_text) == len(text):
        return lower_text
    return "".join(lower if len(lower := character.lower()) == 1 else character for character in text)


def _find_spans(text: str) -> list[Span]:
    """Return the spans of secrets in the order in which they are found. The spans can overlap.

    Literals inside a span that is already found are skipped. Otherwise the time would grow with the square of the
    length of the text.
    """
    spans: list[Span] = []
    span_start = span_end = name_end = 0
    lower_text = _lower(text)
    for literal_index, start, end in _literals_in(lower_text):
        if start >= span_start and end <= span_end:
            continue
        new_spans = [
            span
            for rule in _RULES_OF_LITERAL[literal_index]
            if (span := _secret_span_of(rule, text, lower_text, start, end))
        ]
        if _IS_IN_SECRET_NAME[literal_index] and end > name_end:
            name_end, value = secret_value(text, start, end)
            if value:
                new_spans.append(value)
        for span in new_spans:
            spans.append(span)
            if span[1] > span_end:
                span_start, span_end = span
    return spans


def _merge_overlaps(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _has_nearby_word(rule: Rule, lower_text: str, start: int, end: int) -> bool:
    return not rule.nearby_words or any(
        lower_text.rfind(word, max(0, start - _NEARBY_CHARACTERS), end) >= 0 for word in rule.nearby_words
    )


def _secret_span_of(rule: Rule, text: str, lower_text: str, start: int, end: int) -> Span | None:
    """Try the rule at the anchor text[start:end]. Return the span of the secret, or None."""
    match = rule.pattern.match(text, start - rule.characters_before) if start >= rule.characters_before else None
    if (
        match is None
        or not _has_nearby_word(rule, lower_text, start, end)
        or (rule.must_look_random and not looks_random(match[match.lastindex or 0]))
    ):
        return None
    return match.span(match.lastindex or 0)
