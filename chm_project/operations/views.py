"""/ready and /metrics, for programs with a reading token and for people logged in."""

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import redis
from django.db import DatabaseError
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.access.visibility import refuse_bound_token
from chm_project.api.viewsets import StrictView
from chm_project.operations.beat import pulse_age
from chm_project.operations.state import NO_DATABASE, Readiness, numbers, queue_length, readiness
from runs.models import Status
from runs.push.unmatched import unmatched_total


class ReadinessSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["ok", "unavailable"])
    problems = serializers.DictField(child=serializers.CharField(), help_text="By part: database, broker, beat.")
    stale_pipelines = serializers.IntegerField(
        help_text="Whose ingestion is overdue; null without a database.", allow_null=True
    )


class ReadyView(StrictView):
    renderer_classes = (JSONRenderer,)
    permission = "runs.view_run"

    @extend_schema(
        operation_id="ready",
        summary="Can this installation do its work?",
        responses={200: ReadinessSerializer, 503: ReadinessSerializer},
    )
    def get(self, request: Request) -> Response:
        """Database with its migrations, broker, beat; and how fresh ingestion is, which alone makes nothing unready."""
        refuse_bound_token(request)
        return self._answer(readiness())

    def handle_exception(self, exc: Exception) -> Response:
        """Without the database nobody can be recognised: then it says that much, to whoever asks."""
        return self._answer(NO_DATABASE) if isinstance(exc, DatabaseError) else super().handle_exception(exc)

    def _answer(self, found: Readiness) -> Response:
        status = "unavailable" if found.problems else "ok"
        body = {"status": status, "problems": found.problems, "stale_pipelines": found.stale_pipelines}
        return Response(body, status=503 if found.problems else 200)


class PlainTextRenderer(BaseRenderer):
    media_type = "text/plain"
    format = "txt"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return str(data).encode()


class MetricsView(StrictView):
    renderer_classes = (PlainTextRenderer, JSONRenderer)
    permission = "runs.view_run"

    @extend_schema(
        operation_id="metrics",
        summary="Metrics in Prometheus' text format",
        responses={(200, "text/plain"): OpenApiResponse({"type": "string"}, "One line per sample.")},
    )
    def get(self, request: Request) -> HttpResponse:
        """Read from the database and the broker when asked, so every web process says the same."""
        refuse_bound_token(request)
        registry = CollectorRegistry()
        registry.register(_Collector())
        return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Collector:
    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        build = GaugeMetricFamily("chm_build_info", "Always 1; which version this is", labels=["version"])
        build.add_metric([version("chm")], 1)
        yield build
        now = numbers()
        yield _gauge("chm_pipelines_active", "Pipelines of the active inventory", now.pipelines)
        yield _gauge("chm_pipelines_failing", "Of these, those whose latest run failed", now.failing)
        yield _gauge("chm_pipelines_stale", "Of these, those whose ingestion is overdue", now.stale)
        yield _gauge("chm_pipelines_failing_ingestion", "Of these, those whose last walk failed", now.failing_ingestion)
        if now.oldest_ingest_age is not None:
            yield _gauge(
                "chm_ingest_oldest_age_seconds", "Since the finished walk that is longest ago", now.oldest_ingest_age
            )
        runs = GaugeMetricFamily("chm_runs_24h", "Runs that happened in the last 24 hours", labels=["status"])
        for status in Status.values:
            runs.add_metric([status], now.runs_24h.get(status, 0))
        yield runs
        try:
            unmatched = CounterMetricFamily(
                "chm_lineage_unmatched_events", "Lineage events whose job no pipeline is named after"
            )
            unmatched.add_metric([], unmatched_total())
            yield unmatched
        except (redis.RedisError, OSError, ValueError):
            pass  # the cache is the broker: what follows says that it is down
        try:
            yield _gauge("chm_queue_length", "Tasks that wait for a worker", queue_length())
        except (redis.RedisError, OSError, ValueError):
            yield _gauge("chm_broker_up", "Whether the broker answers", 0)
            return
        yield _gauge("chm_broker_up", "Whether the broker answers", 1)
        if (age := pulse_age()) is not None:
            yield _gauge("chm_beat_age_seconds", "Since beat's last pulse", age)


def _gauge(name: str, documentation: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, value=value)
