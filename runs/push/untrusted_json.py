"""Read untrusted JSON: check the type of every value."""

from typing import Any

from chm_project.scrubbing import scrub_text

# Maximum numbers of characters: of an error text, and of a name or version.
LONG_TEXT, SHORT_TEXT = 10_000, 500


def mapping(value: object, *path: str) -> dict[str, Any]:
    """Return the object at a path, or an empty object if a part of the path is missing or not an object."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def text(value: object, max_length: int = SHORT_TEXT) -> str | None:
    """Return the text, cut to max_length; None for other types and empty texts.

    Secrets are removed before the cut, because half a secret is not recognizable.
    """
    if not isinstance(value, str) or not value.strip():
        return None
    return value if len(value) <= max_length else scrub_text(value[: 2 * max_length])[: max_length - 1] + "…"


def count(value: object) -> int | None:
    """Return a whole number that is not negative; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def without_nulls(**values: Any) -> dict[str, Any]:
    """Return the values without None and empty objects and lists."""
    return {name: value for name, value in values.items() if value not in (None, {}, [])}
