"""Find the value after a secret name in a text, in the forms in which users and programs write names and values."""

import re
from dataclasses import dataclass

from chm_project.scrubbing.secret_names import SecretKind, kind_of_secret
from chm_project.scrubbing.value_checks import is_secret_text, looks_random

Span = tuple[int, int]

_MAX_NAME_LENGTH = 64

# Matches what follows a listed name in a longer name. Japanese and Chinese have no spaces between words, so a letter of
# these languages ends the name.
_NAME_END = re.compile(r"[^\W\u3040-\u30ff\u4e00-\u9fff]{0,64}(?:[.-](?=\w)[\w-]{1,64}){0,4}")
_QUOTE = r"""(?:\\{0,6}["'`]|&quot;|&\#0?3[49];)"""
# Words between a name and its value, as in "password incorrect: X" and "password for etl: X".
_WORDS_AFTER_NAME = (
    r"(?:\s(?:incorrect|invalid|wrong|bad|falsch|incorrecta?|errónea|erroné|неверный)\s?"
    r"|\s(?:for|of|für|de|del|du|pour|para|для|пользователя)\s(?:the\s)?(?:user\s)?[\w.@'-]{1,64}\s?)?"
)
_ASSIGNED = re.compile(
    rf"""{_QUOTE}?\]?{_WORDS_AFTER_NAME}\s{{0,4}}(?P<operator>=>|:=|==|->|<-|[:=：＝]|\((?=["']))(?:\s|\\[nrt]|\\\n){{0,8}}"""
    r"""(?:[|>][+-]?(?:\s|\\[nr]){1,8})?(?=\S)""",
    re.IGNORECASE,
)
_BETWEEN_NAME_AND_SENTENCE_VALUE = re.compile(
    r"""\s{1,3}(?:(?:for|of|für|de|del|du|pour)\s(?:the\s)?(?:user\s)?\S{1,64}\s)?"""
    r"""(?:(?:(?:has\sbeen|was|is)\s)?(?:set|changed|updated|reset)\s(?:to|from)"""
    r"""|(?:is|was|were|are|lautet|ist|war|es|era|fue|est|était|é|jest)(?:\snow)?)\s?:?\s{1,3}"""
    r"""|\s?[はがを]\s?|\s?[是为]\s?""",
    re.IGNORECASE,
)
_BETWEEN_ARGUMENTS = re.compile(rf"{_QUOTE},\s{{0,4}}(?={_QUOTE})|\s{{1,4}}")
_CHARACTERS_BEFORE_TAG_NAME = ("<", ":", ";")
_TAG_START = re.compile(r"(?:<|&lt;)(?:[\w-]{1,32}:)?\Z")
_TAG = re.compile(r"""[^<>]{0,200}?>(?=[^<])|[^&]{0,200}?&gt;(?=[^&])""")
_BETWEEN_NAME_AND_MARKUP_VALUE = re.compile(
    r"""</\w{1,32}>\s{0,8}<\w{1,32}>(?=[^<])|\s{1,4}value=(?=["'])"""
    r"""|["']\s{1,4}(?:value|val|default|content|text)\s{0,2}=\s{0,2}(?=["'])|["']\s{0,2}>(?=[^<])""",
    re.IGNORECASE,
)
_BEFORE_NEXT_WORD = re.compile(rf"(?:\s{{0,3}}[|,]\s{{0,3}}|\s{{1,3}})(?={_QUOTE}?\S)")
_VALUE = re.compile(
    r"""(?P<reference>\$\{[^}\n]{0,256}\}|\{\{[^}\n]{0,256}\}\}|\$\([^)\n]{0,256}\)|<[^<>\n]{0,64}>)|(?P<open>\\{1,6}["'])(?P<escaped>(?:(?!(?P=open)).)+)|"(?P<double>(?:[^"\\]|\\.)+)|'(?P<single>(?:[^'\\]|\\.)+)"""
    r"""|`(?P<tick>[^`]+)|[「『](?P<corner>[^」』]+)|(?P<bare>[^\s,;&|<>"'(){}\[\]「」『』、。]+)""",
    re.DOTALL,
)  # fmt: skip
_TAG_TEXT = re.compile(r"(?P<bare>(?:(?!&lt;)[^<])+)")
_CLAUSE_END = re.compile(r"[.,;!]?\s*(?:\Z|\n)|[.,;!]\s")
_DIGIT_CODE = re.compile(r"\d{4,10}\Z")
_SENTENCE_END = ".,:;!?)…"


@dataclass(frozen=True, slots=True)
class _FoundName:
    """A secret name at text[start:end]."""

    text: str
    start: int
    end: int
    kind: SecretKind


def name_at(text: str, start: int, end: int) -> Span:
    """Return the span of the whole name that contains text[start:end].

    Example: for the word "password" in "db_password=x", return the span of "db_password".
    """
    name_start = start
    while (
        name_start > 0
        and start - name_start < _MAX_NAME_LENGTH
        and (text[name_start - 1].isalnum() or text[name_start - 1] in "_.-")
    ):
        name_start -= 1
    rest_of_name = _NAME_END.match(text, end)
    return name_start, rest_of_name.end() if rest_of_name else end


def secret_value(text: str, start: int, end: int) -> tuple[int, Span | None]:
    """Return the end of the secret name around text[start:end], and the span of its value.

    The second result is None if the value is not a secret. If text[start:end] is not part of a secret name, return
    `start` and None. The caller ignores listed names that end at or before the returned position. If that is `start`,
    the caller ignores none, and can still find a longer name that contains text[start:end]. Example: "passe" is not a
    secret name, but "mot de passe" is one.
    """
    name_start, name_end = name_at(text, start, end)
    kind = kind_of_secret(text[name_start:name_end])
    if kind is None or not kind.is_found_in_texts:
        return start, None
    name = _FoundName(text, name_start, name_end, kind)
    return name_end, next((span for find_value in _VALUE_FINDERS if (span := find_value(name))), None)


def _value_in_tag(name: _FoundName) -> Span | None:
    """Find X in <password>X</password>, also with a namespace, with attributes, or as HTML entities."""
    if name.text[name.start - 1 : name.start] not in _CHARACTERS_BEFORE_TAG_NAME or not _TAG_START.search(
        name.text[max(0, name.start - 40) : name.start]
    ):
        return None
    if tag := _TAG.match(name.text, name.end):
        return _secret_span(_TAG_TEXT.match(name.text, tag.end()), name.kind, is_certainly_value=True)
    return None


def _value_in_attribute(name: _FoundName) -> Span | None:
    """Find X in <property name="password" value="X"/> and <entry key="password">X</entry>."""
    match = _BETWEEN_NAME_AND_MARKUP_VALUE.match(name.text, name.end)
    if match is None:
        return None
    return _secret_span(
        (_TAG_TEXT if match[0].endswith(">") else _VALUE).match(name.text, match.end()),
        name.kind,
        is_certainly_value=True,
    )


def _assigned_value(name: _FoundName) -> Span | None:
    """Find X in password=X, "password": "X" and password := X, also on the next line."""
    match = _ASSIGNED.match(name.text, name.end)
    if match is None:
        return None
    value = _VALUE.match(name.text, match.end())
    if value is None:
        return None
    return _secret_span(
        value, name.kind, is_certainly_value=match["operator"] not in (":", "：") or value.lastgroup != "bare"
    )


def _value_in_arguments(name: _FoundName) -> Span | None:
    """Find X in --password X, in ['--password', 'X'] and in ('DB_PASSWORD', 'X')."""
    is_option = name.text[name.start] == "-"
    if not is_option and not name.text[name.start : name.end].isupper():
        return None
    match = _BETWEEN_ARGUMENTS.match(name.text, name.end)
    if match is None or (not is_option and match[0].isspace()):
        return None
    value = _VALUE.match(name.text, match.end())
    # "--password PASSWORD" is part of a help text, and PASSWORD is not a value.
    if value and value[0].isupper() and kind_of_secret(value[0]):
        return None
    return _secret_span(value, name.kind, is_certainly_value=True)


def _value_in_sentence(name: _FoundName) -> Span | None:
    """Find X in "the password is X". If X is a word in lower case, find it only before punctuation or a line end."""
    match = _BETWEEN_NAME_AND_SENTENCE_VALUE.match(name.text, name.end)
    value = match and _VALUE.match(name.text, match.end())
    if not value:
        return None
    is_quoted = value.lastgroup != "bare"
    if not is_quoted and value[0].isalpha() and value[0].islower() and not _CLAUSE_END.match(name.text, value.end()):
        return None
    return _secret_span(value, name.kind, is_certainly_value=is_quoted)


def _next_word_as_value(name: _FoundName) -> Span | None:
    """Find X in "password 'X' for" and "token X has expired".

    Without quotes, X must look random; after a name of the kind "code", X must be a number of 4 to 10 digits.
    """
    match = _BEFORE_NEXT_WORD.match(name.text, name.end)
    value = match and _VALUE.match(name.text, match.end())
    if not value:
        return None
    if value.lastgroup != "bare":
        return _secret_span(value, name.kind, is_certainly_value=True)
    word = value[0].rstrip(_SENTENCE_END)
    if _DIGIT_CODE.match(word) if name.kind.name == "code" else looks_random(word):
        return value.start(), value.start() + len(word)
    return None


_VALUE_FINDERS = (
    _value_in_tag,
    _value_in_attribute,
    _assigned_value,
    _value_in_arguments,
    _value_in_sentence,
    _next_word_as_value,
)


def _secret_span(value: re.Match[str] | None, kind: SecretKind, *, is_certainly_value: bool) -> Span | None:
    """Return the span of the value.

    Return None if there is no value, or if the value is harmless or a reference such as ${X}. `is_certainly_value` is
    explained in is_secret_text.
    """
    if value is None or value.lastgroup == "reference":
        return None
    start, end = value.span(value.lastgroup or 0)
    if value.lastgroup == "bare" and not is_certainly_value:
        end = start + len(value[0].rstrip(_SENTENCE_END))
    value_text = value.string[start:end]
    return (
        (start, end) if value_text and is_secret_text(value_text, kind, is_certainly_value=is_certainly_value) else None
    )
