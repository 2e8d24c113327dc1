"""Read untrusted JSON: check the type of every value."""

from typing import Any

from chm_project.scrubbing import scrub_text

# Maximum length of an error text; of a name or version.
LONG, SHORT = 10_000, 500


def mapping(value: object, *path: str) -> dict[str, Any]:
    """Return the object at a path; an empty one if any part of the path is not an object."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def text(value: object, most: int = SHORT) -> str | None:
    """Return a text of limited length; None for other types and empty texts.

    Secrets are removed before the cut, because half a secret is not recognizable.
    """
    if not isinstance(value, str) or not value.strip():
        return None
    return value if len(value) <= most else scrub_text(value[: 2 * most])[: most - 1] + "…"


def count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def without_nulls(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, {}, [])}
