"""Reading what somebody else's client sent: nothing has the type that it should have until it was looked at."""

from typing import Any

from chm_project.scrubbing import scrub_text

# Of an error's text; of a name or version.
LONG, SHORT = 10_000, 500


def mapping(value: object, *path: str) -> dict[str, Any]:
    """The object at a path; an empty one where any part of the way is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def text(value: object, most: int = SHORT) -> str | None:
    """A text of bounded length; null for anything else, and for none.

    Secrets are filtered before the cut as well: half of one would no longer look like one.
    """
    if not isinstance(value, str) or not value.strip():
        return None
    return value if len(value) <= most else scrub_text(value[: 2 * most])[: most - 1] + "…"


def count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def without_nulls(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, {}, [])}
