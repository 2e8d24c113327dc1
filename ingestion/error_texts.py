"""Fetch the error texts of failed runs from sources whose lists of runs do not contain error texts."""

import logging
from collections.abc import Sequence

from django.db.models import F

from chm_project.db import best_effort_cache
from ingestion.connectors.base import Connector, FailedRun, Target
from ingestion.errors import PartnerError, Refused
from ingestion.http import NoRequestsLeft, PartnerSession
from ingestion.report import Report
from ingestion.scope import StopCondition
from runs.error_texts import ErrorText, store_error_texts
from runs.models import Run

logger = logging.getLogger(__name__)

# Requests for error texts per ingestion of a connection, in addition to the requests of its walks.
MAX_REQUESTS = 20
# An ingestion looks for error texts of this many failed runs, newest first.
MAX_RUNS = 1_000
# If the source has no text for a run, CHM requests the text of this run again after a week.
NO_TEXT_SECONDS = 7 * 86_400
# If the source refuses such a request, for example because a permission is missing, CHM sends no more of them
# for an hour.
REFUSED_SECONDS = 3_600


def fetch_error_texts(
    connector: Connector, session: PartnerSession, targets: Sequence[Target], stop: StopCondition, report: Report
) -> None:
    """Fetch and store missing error texts of failed runs, newest first, with at most MAX_REQUESTS requests.

    Errors are only logged, because a missing text must not fail a walk.
    """
    refused_key = f"error-texts-refused:{report.connection}"
    if not connector.fetches_error_texts or best_effort_cache.read(refused_key):
        return
    runs_by_source_run = _failed_without_text(targets)
    if not runs_by_source_run:
        return
    # After the loop, the texts are stored in the database, and the keys of runs without a text in the cache.
    texts: list[ErrorText] = []
    without_text: dict[str, bool] = {}
    try:
        with session.limit_requests(MAX_REQUESTS):
            for failed, text in connector.error_texts(list(runs_by_source_run)):
                for run in runs_by_source_run[failed]:
                    if text:
                        texts.append(ErrorText(run.pk, run.finished_at, text))
                    else:
                        without_text[_no_text_key(run)] = True
    except NoRequestsLeft:
        logger.debug("connection %s: the remaining error texts follow with the next ingestion", report.connection)
    except PartnerError as error:
        logger.info("connection %s: no error texts: %s", report.connection, error)
        if isinstance(error, Refused):
            best_effort_cache.write(refused_key, True, REFUSED_SECONDS)
    except stop.interrupts:
        raise
    except Exception:  # a bug in a connector's error_texts must not fail the walk, whose runs are stored
        logger.exception("connection %s: unexpected error while fetching error texts", report.connection)
    # This is also done after an error, to store the texts that were fetched before the error.
    report.error_texts += store_error_texts(texts)
    if without_text:
        best_effort_cache.write_many(without_text, NO_TEXT_SECONDS)


def _failed_without_text(targets: Sequence[Target]) -> dict[FailedRun, list[Run]]:
    """Return failed runs without a text, newest first, grouped by the run at the source.

    A group has several runs if pipelines of several clients share an external id.
    """
    external_ids = {target.pipeline_id: target.external_id for target in targets}
    runs = list(
        Run.objects.without_error_text()
        .filter(pipeline_id__in=external_ids)
        .order_by(F("event_at").desc())  # the partial index runs_without_error_text serves this filter and order
        .only("pipeline_id", "external_run_id", "started_at", "finished_at", "payload")[:MAX_RUNS]
    )
    without_text = best_effort_cache.read_many([_no_text_key(run) for run in runs]) if runs else {}
    runs_by_source_run: dict[FailedRun, list[Run]] = {}
    for run in runs:
        if _no_text_key(run) in without_text:
            continue
        external_id = external_ids[run.pipeline_id]
        failed = FailedRun(external_id, run.external_run_id, run.started_at, run.finished_at, run.payload)
        runs_by_source_run.setdefault(failed, []).append(run)
    return runs_by_source_run


def _no_text_key(run: Run) -> str:
    # The key contains the end time. The next attempt of the run ends at another time, so CHM requests its text.
    return f"no-error-text:{run.pk}:{run.finished_at.timestamp() if run.finished_at else ''}"
