"""Fetch error texts of failed runs, if the lists of the source do not contain them."""

import logging
from collections.abc import Sequence

from django.db.models import F

from chm_project.db import best_effort_cache
from ingestion.connectors.base import Connector, FailedRun, Target
from ingestion.errors import PartnerError, Refused
from ingestion.http import PartnerSession, RequestsSpent
from ingestion.report import Report
from ingestion.scope import StopCondition
from runs.error_texts import ErrorText, keep_error_texts
from runs.models import Run

logger = logging.getLogger(__name__)

# Requests per ingestion of a connection, in addition to those of its walks.
MAX_REQUESTS = 20
# Newest first; older runs follow when these have their texts.
MAX_RUNS = 1_000
# After "no text" or a refusal, the source is not asked again for this time.
NO_TEXT_SECONDS = 7 * 86_400
REFUSED_SECONDS = 3_600


def fetch_error_texts(
    connector: Connector, session: PartnerSession, targets: Sequence[Target], stop: StopCondition, report: Report
) -> None:
    """Store the error texts of failed runs that have none, newest first, with at most MAX_REQUESTS requests.

    Errors are only logged: a missing text must not fail a walk.
    """
    refused = f"error-texts-refused:{report.connection}"
    if not connector.fetches_error_texts or best_effort_cache.read(refused):
        return
    groups = _failed_without_text(targets)
    if not groups:
        return
    texts: list[ErrorText] = []
    none: dict[str, bool] = {}
    try:
        with session.at_most(MAX_REQUESTS):
            for failed, text in connector.error_texts(list(groups)):
                for run in groups[failed]:
                    if text:
                        texts.append(ErrorText(run.pk, run.finished_at, text))
                    else:
                        none[_key(run)] = True
    except RequestsSpent:
        logger.debug("connection %s: the rest of the error texts with the next ingestion", report.connection)
    except PartnerError as error:
        logger.info("connection %s: no error texts: %s", report.connection, error)
        if isinstance(error, Refused):
            best_effort_cache.write(refused, True, REFUSED_SECONDS)
    except stop.interrupts:
        raise
    except Exception:
        logger.exception("connection %s: unexpected error while asking for error texts", report.connection)
    report.error_texts += keep_error_texts(texts)
    if none:
        best_effort_cache.write_many(none, NO_TEXT_SECONDS)


def _failed_without_text(targets: Sequence[Target]) -> dict[FailedRun, list[Run]]:
    """Return the runs to ask about, newest first; several pipelines may share one."""
    external_ids = {target.pipeline_id: target.external_id for target in targets}
    runs = list(
        Run.objects.without_error_text()
        .filter(pipeline_id__in=external_ids)
        .order_by(F("event_at").desc())
        .only("pipeline_id", "external_run_id", "started_at", "finished_at", "payload")[:MAX_RUNS]
    )
    known = best_effort_cache.read_many([_key(run) for run in runs]) if runs else {}
    groups: dict[FailedRun, list[Run]] = {}
    for run in runs:
        if _key(run) in known:
            continue
        external_id = external_ids[run.pipeline_id]
        failed = FailedRun(external_id, run.external_run_id, run.started_at, run.finished_at, run.payload)
        groups.setdefault(failed, []).append(run)
    return groups


def _key(run: Run) -> str:
    return f"no-error-text:{run.pk}:{run.finished_at.timestamp() if run.finished_at else ''}"
