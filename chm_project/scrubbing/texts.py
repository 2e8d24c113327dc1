"""Find secrets in a text: one pass for all anchors and names, then a rule only at its own anchors."""

from collections.abc import Sequence

from ahocorasick_rs import AhoCorasick, BytesAhoCorasick, Implementation

from chm_project.scrubbing.context_rules import CONTEXT_RULES
from chm_project.scrubbing.decoding import decoded
from chm_project.scrubbing.named_values import Span, name_at, secret_value
from chm_project.scrubbing.names import name_triggers, secret_name
from chm_project.scrubbing.rules import Rule
from chm_project.scrubbing.token_rules import TOKEN_RULES
from chm_project.scrubbing.values import FILTERED, looks_random

RULES = TOKEN_RULES + CONTEXT_RULES
# Characters before an anchor in which a rule's `follows` must occur.
_FOLLOWS_WITHIN = 300


def _by_anchor() -> dict[str, tuple[Rule, ...]]:
    anchors = sorted({anchor for rule in RULES for anchor in rule.anchors})
    return {anchor: tuple(rule for rule in RULES if anchor in rule.anchors) for anchor in anchors}


_ANCHORED = _by_anchor()
_LITERALS = sorted(name_triggers() | _ANCHORED.keys())
_RULES_OF = [_ANCHORED.get(literal, ()) for literal in _LITERALS]
_IS_NAME = [literal in name_triggers() for literal in _LITERALS]
_IN_ANY = AhoCorasick(_LITERALS, implementation=Implementation.ContiguousNFA, store_patterns=False)
# The search of bytes is twice as fast; the positions are those of the text only if it is ASCII.
_IN_ASCII = BytesAhoCorasick([literal.encode() for literal in _LITERALS], implementation=Implementation.DFA)


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
    spans = _spans(text)
    if decoded_text := decoded(text):
        spans += [decoded_text.original(span) for span in _spans(decoded_text.text)]
    return _merged(spans) if len(spans) > 1 else spans


def may_hold_secrets(encoded: str) -> bool:
    """Return False only if the JSON text of a payload contains no secret name and matches no rule."""
    decoded_text = decoded(encoded)
    return _suspicious(encoded) or (decoded_text is not None and _suspicious(decoded_text.text))


def _suspicious(encoded: str) -> bool:
    escaped = "\\" in encoded
    lower = _lower(encoded)
    for literal, start, end in _literals_in(lower):
        # After an escape, the JSON text differs from the text itself.
        if any(
            _follows(rule, lower, start, end) if escaped else _apply(rule, encoded, lower, start, end)
            for rule in _RULES_OF[literal]
        ):
            return True
        if _IS_NAME[literal]:
            first, last = name_at(encoded, start, end)
            if secret_name(encoded[first:last]) or (
                escaped and encoded[first - 1] == "\\" and secret_name(encoded[first + 1 : last])
            ):
                return True
    return False


def _literals_in(lower: str) -> Sequence[tuple[int, int, int]]:
    """Return the literals in a text in lower case: index, start and end."""
    if lower.isascii():
        return _IN_ASCII.find_matches_as_indexes(lower.encode(), overlapping=True)
    return _IN_ANY.find_matches_as_indexes(lower, overlapping=True)


def _lower(text: str) -> str:
    """Return the text in lower case with the same length."""
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(small if len(small := character.lower()) == 1 else character for character in text)


def _spans(text: str) -> list[Span]:
    """Return spans of secrets in the order of discovery.

    Skip anchors within the last span: this keeps the time linear, because long values are always hidden.
    """
    spans: list[Span] = []
    hidden_from = hidden_to = named_to = 0
    lower = _lower(text)
    for literal, start, end in _literals_in(lower):
        if start >= hidden_from and end <= hidden_to:
            continue
        new_spans = [span for rule in _RULES_OF[literal] if (span := _apply(rule, text, lower, start, end))]
        if _IS_NAME[literal] and end > named_to:
            named_to, value = secret_value(text, start, end)
            if value:
                new_spans.append(value)
        for span in new_spans:
            spans.append(span)
            if span[1] > hidden_to:
                hidden_from, hidden_to = span
    return spans


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _follows(rule: Rule, lower: str, start: int, end: int) -> bool:
    return not rule.follows or any(
        lower.rfind(word, max(0, start - _FOLLOWS_WITHIN), end) >= 0 for word in rule.follows
    )


def _apply(rule: Rule, text: str, lower: str, start: int, end: int) -> Span | None:
    match = rule.pattern.match(text, start - rule.before) if start >= rule.before else None
    if (
        match is None
        or not _follows(rule, lower, start, end)
        or (rule.random and not looks_random(match[match.lastindex or 0]))
    ):
        return None
    return match.span(match.lastindex or 0)
