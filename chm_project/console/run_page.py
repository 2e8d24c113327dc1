"""A run's own page, in place of the admin's form: everything that is known of it, and its neighbours in time."""

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from chm_project.api.pagination import Keyset
from chm_project.console.payload import highlighted
from runs.admin import RunAdmin
from runs.api.views import LATEST_FIRST
from runs.models import Run


class RunConsole(RunAdmin):
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            run = Run.objects.select_related("pipeline__client").get(pk=UUID(object_id))
        except (ValueError, Run.DoesNotExist):
            raise Http404("There is no such run.") from None
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), **read_run(run), "title": f"Run {run.external_run_id}"}
        return TemplateResponse(request, "console/run.html", context)


def read_run(run: Run) -> dict[str, Any]:
    return {
        "as_of": timezone.now(),
        "run": run,
        "pipeline": run.pipeline,
        "payload": None if run.payload is None else highlighted(run.payload),
        "earlier": neighbour(run, LATEST_FIRST),
        "later": neighbour(run, LATEST_FIRST.reversed()),
    }


def neighbour(run: Run, order: Keyset) -> Run | None:
    """The pipeline's next run in this order: one probe of the index of the latest runs."""
    others = order.sort(Run.objects.filter(pipeline=run.pipeline_id).defer("payload"))
    return order.behind(others, order.position(run)).first()  # type: ignore[return-value]  # of the model given
