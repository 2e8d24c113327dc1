"""Count lineage jobs without a pipeline, and remember the latest ones per token.

Hints for setting external_ids, kept in the cache: they may be lost and slow no event down.
"""

import logging

from django.core.cache import cache

from chm_project.access.models import ApiToken
from chm_project.scrubbing import scrub_text
from runs.push.words import text

logger = logging.getLogger(__name__)

_TOTAL = "lineage:unmatched"
_REMEMBERED = 20
_SECONDS = 7 * 24 * 3600


def note_unmatched(token: ApiToken, jobs: list[str]) -> None:
    if not jobs:
        return
    try:
        cache.add(_TOTAL, 0, timeout=None)
        cache.incr(_TOTAL, len(jobs))
        former = unmatched_jobs(token)
        named = [scrub_text(text(job) or "") for job in jobs[:_REMEMBERED]]
        known = list(dict.fromkeys([*named, *former]))[:_REMEMBERED]
        if set(known) != set(former):
            cache.set(_key(token), known, timeout=_SECONDS)
    except Exception as error:  # noqa: BLE001 - whatever the cache's client raises
        logger.error("the cache is down: unmatched jobs not counted (%s)", type(error).__name__)  # noqa: TRY400


def unmatched_total() -> int:
    """Return the number of events since the cache was emptied."""
    return int(cache.get(_TOTAL, 0))


def unmatched_jobs(token: ApiToken) -> list[str]:
    """Return the latest unmatched jobs."""
    return list(cache.get(_key(token), ()))


def _key(token: ApiToken) -> str:
    return f"{_TOTAL}:{token.pk}"
