"""Read values of untrusted JSON. Every function checks the type of the value."""

from typing import Any

from chm_project.scrubbing import scrub_text

# Maximum numbers of characters: of an error text, and of a name or version.
MAX_LONG_TEXT, MAX_SHORT_TEXT = 10_000, 500


def object_at(value: object, *path: str) -> dict[str, Any]:
    """Return the object at a path, or an empty object if a part of the path is missing or not an object."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def text_or_none(value: object, max_length: int = MAX_SHORT_TEXT) -> str | None:
    """Return a text, cut to max_length; None for another type or an empty text.

    Secrets are removed before the cut, because half a secret is not recognizable.
    """
    if not isinstance(value, str) or not value.strip():
        return None
    return value if len(value) <= max_length else scrub_text(value[: 2 * max_length])[: max_length - 1] + "…"


def count_or_none(value: object) -> int | None:
    """Return the value if it is a whole number of at least 0, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def without_empty(**values: Any) -> dict[str, Any]:
    """Return a dictionary of the values, without None, empty objects and empty lists."""
    return {name: value for name, value in values.items() if value not in (None, {}, [])}
