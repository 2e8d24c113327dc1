"""Decide whether the value after a secret name is a secret, or only a state, a count, a path or a reference."""

import re

from chm_project.scrubbing.secret_names import PlainWords, SecretKind

FILTERED = "[filtered]"

# A longer value is always hidden, because states and paths are shorter. The limit also keeps the patterns below fast.
MAX_HARMLESS_LENGTH = 256

_STATES = frozenset(
    # English
    "null none nil undefined true false yes no on off ok okay not n/a na empty blank unset set missing required"
    " optional needed expected invalid valid expired expires failed failure failing fail passed error wrong"
    " incorrect correct unknown denied rejected refused revoked revoke disabled enabled closed open opened active"
    " inactive changed reset rotated accepted unauthorized unauthenticated forbidden found given provided supplied"
    " configured redacted hidden masked filtered removed omitted default deprecated present absent mismatch weak"
    " strong short long the a an is was are be been and or for of to in at by with from must should can cannot may"
    " has have had will does did too very this that it its your my our as if authentication authorization based"
    " only over under about back here there now then than"
    # types and words of SQL and code
    " str string text varchar char bytes int integer bool boolean float uuid json jsonb secretstr optional any"
    " object array list dict date timestamp numeric nullable"
    # German, Spanish, French, Portuguese, Russian, Japanese
    " falsch ungültig abgelaufen fehlt leer gesperrt geändert läuft lautet ist war wurde richtig korrekt nicht"
    " erforderlich incorrecta incorrecto inválida inválido caducada caducado vacía vacío requerida primaria"
    " primario foránea es está era fue incorrect invalide expiré manquant vide requis est était inválida expirada"
    " vazia obrigatória неверный неверен истёк истек отсутствует пустой не が違います 無効 期限切れ 空".split()
)  # fmt: skip
_REFERENCE = re.compile(
    r"\$\{.*|\$\(.*|\$[A-Za-z_][A-Z0-9_a-z]*$|%[A-Z_]+%$|\{\{.*|\{%.*|\{[\w.]*\}$|<.*|%\(\w+\)s|%s$|\*{2,}|x{3,}$|X{3,}$|\.{3}"
    r"|\[filtered|\[redacted|\*$|env:|vault:|secretRef|file:|-{1,2}[a-z]",
    re.DOTALL,
)  # fmt: skip
_PATH = re.compile(r"(?:~|\.{0,2})/[\w.@-]+(?:/[\w.@-]*)*$|[A-Za-z]:\\[\w\\. -]*$|/$")
_WORDS_WITH_SLASHES = re.compile(r"[a-z][\w.-]*(?:/[a-z0-9][\w.-]*)+$")
_NUMBER = re.compile(r"[+-]?[\d.,_]{1,24}%?$")
_DATE_OR_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ][\d:.+Z-]*)?$")
_LETTERS = re.compile(r"[^\W\d_]+$")


def is_secret_text(value: str, kind: SecretKind, *, is_certainly_value: bool) -> bool:
    """Return whether the text after a secret name is a secret.

    `is_certainly_value` is true if the text is quoted, is in markup, or follows an option or an operator other than a
    colon. Otherwise the text may be the next word of a sentence.
    """
    if len(value) > MAX_HARMLESS_LENGTH:
        return True
    if _is_harmless(value):
        return False
    if _NUMBER.match(value):
        return kind.number_can_be_secret
    if kind.plain_words is PlainWords.ALWAYS:
        return len(value) > 1 or is_certainly_value
    if kind.plain_words is PlainWords.IF_CERTAINLY_VALUE and is_certainly_value:
        return True
    return looks_random(value)


def is_secret_member(value: str, kind: SecretKind) -> bool:
    """Return whether the text under a secret key of a payload is a secret."""
    if len(value) > MAX_HARMLESS_LENGTH:
        return True
    return not _is_harmless(value) and (kind.number_can_be_secret or not _NUMBER.match(value))


def _is_harmless(value: str) -> bool:
    """Return whether the value is empty, a state, a reference, a path or a time."""
    stripped = value.strip("\"'`()[]{}.,:;!?… *")
    if not stripped:
        # Only punctuation. More than three characters can be a password.
        return len(value) <= 3
    return (
        stripped.lower() in _STATES
        or _REFERENCE.match(value) is not None
        or _REFERENCE.match(stripped) is not None
        or _PATH.match(stripped) is not None
        or _DATE_OR_TIME.match(stripped) is not None
    )


def looks_random(value: str) -> bool:
    """Return whether a value has at least 6 characters and a random form, and is no number, state, reference or path.

    Also return True for every text that is too long to be harmless.
    """
    if len(value) > MAX_HARMLESS_LENGTH:
        return True
    if len(value) < 6 or (len(value) < 10 and value.isalpha()):
        return False
    if _is_harmless(value) or _NUMBER.match(value):
        return False
    if _WORDS_WITH_SLASHES.match(value):
        return any(_has_random_form(piece) and len(piece) >= 16 for piece in value.split("/"))
    return _has_random_form(value)


def _has_random_form(value: str) -> bool:
    """Return whether the value mixes letters and digits, or upper and lower case, or is too long for words."""
    letters = sum(map(str.isalpha, value))
    digits = sum(map(str.isdigit, value))
    if digits and letters:
        return True
    if _LETTERS.match(value):
        has_word_case = value.islower() or value.isupper() or value.istitle()
        return (len(value) >= 16 and value.isascii()) or (len(value) >= 10 and not has_word_case)
    return len(value) >= 20 and max(map(len, re.split(r"[\W_]+", value))) >= 16
