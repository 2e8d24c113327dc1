"""Count events of jobs that match no pipeline. For each token, keep the names of the latest such jobs.

The names help users to set external_ids. They are stored in the cache, because their loss does no harm.
"""

import logging

from django.core.cache import cache

from chm_project.access.models import ApiToken
from chm_project.scrubbing import scrub_text
from runs.push.untrusted_json import text_or_none

logger = logging.getLogger(__name__)

_TOTAL_KEY = "lineage:unmatched"
_MAX_JOBS = 20
_KEPT_SECONDS = 7 * 24 * 3600


def note_unmatched_jobs(token: ApiToken, jobs: list[str]) -> None:
    """Count these jobs, and keep their names for the token. If the cache is down, only log an error."""
    if not jobs:
        return
    try:
        # incr raises ValueError for a missing key.
        cache.add(_TOTAL_KEY, 0, timeout=None)
        cache.incr(_TOTAL_KEY, len(jobs))
        stored_names = unmatched_jobs(token)
        new_names = [scrub_text(text_or_none(job) or "") for job in jobs[:_MAX_JOBS]]
        names = list(dict.fromkeys([*new_names, *stored_names]))[:_MAX_JOBS]
        if set(names) != set(stored_names):
            cache.set(_jobs_key(token), names, timeout=_KEPT_SECONDS)
    except Exception as error:  # noqa: BLE001 - the cache's client can raise any exception
        logger.error("the cache is down: unmatched jobs not counted (%s)", type(error).__name__)  # noqa: TRY400


def unmatched_total() -> int:
    """Return the number of events with an unmatched job since the cache was last cleared."""
    return int(cache.get(_TOTAL_KEY, 0))


def unmatched_jobs(token: ApiToken) -> list[str]:
    """Return the names of the latest unmatched jobs of a token; empty if there are none."""
    return list(cache.get(_jobs_key(token), ()))


def _jobs_key(token: ApiToken) -> str:
    return f"{_TOTAL_KEY}:{token.pk}"
