"""Report errors, without secrets, to Sentry or a compatible server if CHM_SENTRY_DSN is set."""

import logging
from typing import Any

from chm_project.scrubbing import scrubbed
from chm_project.telemetry.context import current_request_id, current_task_id


def start(dsn: str, release: str) -> None:
    """Report all errors that are logged from now on. Raise ImportError if the package sentry-sdk is not installed."""
    import sentry_sdk
    from sentry_sdk.integrations.celery import CeleryIntegration
    from sentry_sdk.integrations.django import DjangoIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn=dsn,
        release=release,
        default_integrations=True,
        auto_enabling_integrations=False,
        integrations=[
            DjangoIntegration(),
            CeleryIntegration(),
            LoggingIntegration(level=None, event_level=logging.ERROR),
        ],
        # Do not send IP addresses, request bodies, and the values of variables.
        send_default_pii=False,
        max_request_body_size="never",
        include_local_variables=False,
        max_breadcrumbs=0,
        traces_sample_rate=None,
        before_send=_prepare_event,
    )


def _prepare_event(event: Any, _hint: Any) -> Any:
    """Add the ids of the request and the task to the event, and remove secrets from it."""
    tags = {"request_id": current_request_id(), "task_id": current_task_id()}
    event.setdefault("tags", {}).update({name: value for name, value in tags.items() if value})
    if isinstance(request := event.get("request"), dict):
        # The path and the query can contain a secret key, and headers contain tokens and cookies.
        event["request"] = {"method": request.get("method")}
    return scrubbed(event)
