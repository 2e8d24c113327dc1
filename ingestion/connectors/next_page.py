"""Detect that a response has a next page, if the description of the API has no `paging`."""

from typing import Any

from ingestion.http import PartnerResponse

# Usual names of the field that refers to the next page. The field is at the top of the response or one level below.
NEXT_PAGE_FIELDS = frozenset(
    name.replace("_", "")
    for name in (
        "next", "next_cursor", "next_page", "next_page_token", "next_token", "next_url", "next_link", "next_page_url",
        "next_offset", "continuation_token", "@odata.nextlink", "has_more", "has_next", "has_next_page",
    )
)  # fmt: skip
# Common default page sizes of servers.
USUAL_PAGE_SIZES = frozenset({10, 15, 20, 25, 30, 50, 100, 200, 250, 500, 1_000})


def describe_next_page(response: PartnerResponse) -> str | None:
    """Return the name of the field or header that refers to a next page, or None if nothing refers to a next page.

    The name is a phrase for an error message, such as "the field next_cursor".
    """
    if response.next_url:
        return 'a header Link with rel="next"'
    body = response.body
    if not isinstance(body, dict):
        return None
    nested = [(f"{name}.", value) for name, value in body.items() if isinstance(value, dict)]
    for prefix, part in [("", body), *nested]:
        for name, value in part.items():
            # Partners write next_cursor, nextCursor or NextCursor.
            if name.lower().replace("_", "") in NEXT_PAGE_FIELDS and value not in (None, "", False, 0, [], {}):
                return f"the field {prefix}{name}"
    return None


def looks_full(rows: list[Any], requested_limits: set[str]) -> bool:
    """Return whether the page has exactly as many rows as the requested limit or a usual page size."""
    return str(len(rows)) in requested_limits or len(rows) in USUAL_PAGE_SIZES
