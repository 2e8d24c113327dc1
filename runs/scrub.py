"""Secrets out of everything that a source says about a run, before it is compared or stored.

Two nets: by key, for structures, and by value, for texts. Both would rather hide a harmless word than show a
secret. `FILTERED` stands where something was taken out.
"""

import json
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any

FILTERED = "[filtered]"
MAX_DEPTH = 64
TOO_DEEP = "[nested too deep]"

# Words of a key, case and separators aside ("apiKey", "API-KEY" and "api_key" are the same two words).
_SECRET_WORDS = frozenset(
    "password passwords passwd pwd passphrase secret secrets token tokens apikey apikeys authorization auth "
    "credential credentials cookie cookies session sessionid jwt bearer privatekey accesskey accountkey "
    "connectionstring connstr dsn sas signature".split()
)
_SECRET_PAIRS = frozenset(
    {
        ("api", "key"), ("api", "keys"), ("private", "key"), ("access", "key"), ("account", "key"),
        ("shared", "key"), ("encryption", "key"), ("signing", "key"), ("connection", "string"), ("conn", "str"),
        ("connection", "uri"), ("connection", "url"), ("database", "url"), ("db", "url"),
    }
)  # fmt: skip
_SECRET_ENDINGS = (
    "password",
    "passwd",
    "secret",
    "token",
    "apikey",
    "privatekey",
    "accesskey",
    "credentials",
)
_KEY_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# Every repetition here is bounded or starts where it cannot start again a step later: a hostile text of any size
# costs linear time.
_NAME = (
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key"
    r"|credentials?|cookie|connection[_-]?string|dsn|jwt|session(?:[_-]?id)?)[\w.-]{0,64}"
    r"|(?<![\w])(?:auth|sas|sig|signature)"
)
_VALUE = r"""(?:"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|\\"(?:(?!\\").)*(?:\\")?|[^\s,;&|<>"'(){}\[\]]+)"""
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # PEM blocks, also one that is cut off.
    (
        re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        FILTERED,
    ),
    # user:password@ in an address; greedy, since a password may hold an @.
    (re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}://)[^\s/:@]{0,256}:[^\s/]{0,1024}@"), rf"\1{FILTERED}@"),
    (
        re.compile(
            r"""(authorization["']?\s{0,8}[:=]\s{0,8}["']?)(?:\w{1,32}\s{1,8}(?=\S{6}))?[^\s"',;]+""",
            re.IGNORECASE,
        ),
        rf"\1{FILTERED}",
    ),
    # The word alone ("basic authentication") is no credential: something in it must not be lower case.
    (re.compile(r"\b((?i:bearer|basic)\s+)(?=[a-z]*[A-Z0-9=._~+/-])[A-Za-z0-9._~+/=-]{6,}"), rf"\1{FILTERED}"),
    (re.compile(r"(?<![\w-])eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"), FILTERED),
    # Keys that name themselves: AWS, Google, GitHub, GitLab, Slack, Stripe, Databricks, OpenAI, dbt, npm, CHM.
    (
        re.compile(
            r"\b(?:(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}|AIza[\w-]{30,}|ya29\.[\w.-]{10,}|gh[pousr]_\w{20,}|github_pat_\w{20,}"
            r"|glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{8,}|[rs]k_(?:live|test)_\w{8,}|dapi[0-9a-f]{32}|sk-[\w-]{20,}"
            r"|dbt[cu]_\w{16,}|npm_\w{30,}|chm_\w{6,}_\w{16,})"
        ),
        FILTERED,
    ),
    (
        re.compile(
            r"([?&](?:X-Amz-(?:Signature|Credential|Security-Token)|X-Goog-(?:Signature|Credential)|sig|signature|key"
            r"|code|\w*token)=)[^&\s\"'#<>]+",
            re.IGNORECASE,
        ),
        rf"\1{FILTERED}",
    ),
    (
        re.compile(rf"""((?:{_NAME})\\?["']?\s{{0,8}}(?:=>|[:=])\s{{0,8}})(?!\[filtered\]){_VALUE}""", re.IGNORECASE),
        rf"\1{FILTERED}",
    ),
)  # fmt: skip

# Most texts end here: without one of these, in lower case, no rule and no key word can match. Plain substrings,
# since one alternation of them all took ten times as long as everything else that a run goes through.
_TRIGGERS = (
    "passw", "passphrase", "pwd", "secret", "token", "credential", "cookie", "dsn", "jwt", "session", "auth", "sas",
    "signature", "sig=", "sig:", 'sig"', "sig'", "sig ", "bearer", "basic", "eyj",
    "akia", "asia", "aroa", "aida", "aiza",
    "ya29", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat", "glpat", "xox", "k_live", "k_test", "dapi", "sk-",
    "dbtc_", "dbtu_", "npm_", "chm_", "?key=", "&key=", "?code=", "&code=", "-----begin",
    *(
        f"{first}{separator}{second}"
        for first, seconds in {
            **dict.fromkeys(("api", "access", "account", "private", "shared", "encryption", "signing"), ("key",)),
            **dict.fromkeys(("conn", "connection"), ("str", "uri", "url")),
            **dict.fromkeys(("db", "database"), ("url",)),
        }.items()
        for second in seconds
        for separator in ("", "_", "-", " ", ".", "/", ":")
    ),
)  # fmt: skip


def _suspicious(text: str) -> bool:
    lower = text.lower()
    return any(trigger in lower for trigger in _TRIGGERS) or ("://" in lower and "@" in lower)


def storable_text(value: str) -> str:
    """PostgreSQL stores neither NUL nor half of a surrogate pair."""
    if "\0" in value:
        value = value.replace("\0", "")
    try:
        value.encode()
    except UnicodeEncodeError:
        value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def scrub_text(value: str) -> str:
    if _suspicious(value):
        for pattern, replacement in _RULES:
            value = pattern.sub(replacement, value)
    return value


def scrub_mapping(value: Mapping[str, Any]) -> str:
    """Storable, scrubbed JSON text."""
    try:
        encoded = _dump(value)
        encoded.encode()
        fit = "\\u0000" not in encoded
    except (ValueError, TypeError, RecursionError):
        fit = False
    if fit and not _suspicious(encoded):
        return encoded
    return _dump(_scrubbed(_storable(value, 0)))


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@lru_cache(maxsize=4096)
def is_secret_key(key: str) -> bool:
    words = [word.lower() for word in _KEY_WORDS.findall(key)]
    return (
        not _SECRET_WORDS.isdisjoint(words)
        or not _SECRET_PAIRS.isdisjoint(pairwise(words))
        or "".join(words).endswith(_SECRET_ENDINGS)
    )


def _storable(value: Any, depth: int) -> Any:
    """What jsonb takes: no NUL, no half surrogate, no NaN, no bottomless nesting."""
    if isinstance(value, str):
        return storable_text(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= MAX_DEPTH:
        return TOO_DEEP
    if isinstance(value, Mapping):
        return {storable_text(str(key)): _storable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(item, depth + 1) for item in value]
    return storable_text(str(value))


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return scrub_text(value)
    if isinstance(value, list):
        return [_scrubbed(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = value.get("key", value.get("name"))
    pair = isinstance(named, str) and is_secret_key(named)  # {"name": "API_TOKEN", "value": "…"}
    return {
        scrub_text(key): FILTERED
        if item is not None and not isinstance(item, bool) and (is_secret_key(key) or (pair and key == "value"))
        else _scrubbed(item)
        for key, item in value.items()
    }
