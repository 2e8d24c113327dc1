"""POST and DELETE /pipelines/{pipeline_id}/known_failure: mark the failure of a pipeline as known."""

from typing import Any

from django.contrib.admin.models import CHANGE
from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from chm_project.access.visibility import visible_to
from chm_project.api.fields import TextField, TimeField, WebAddressField
from chm_project.api.history import log_change
from chm_project.api.serializers import StrictSerializer
from chm_project.api.viewsets import StrictView, find_or_404
from inventory.models import Pipeline
from runs.known_failures import NotFailing, clear_known_failure, mark_known_failure

MAX_REASON = 2000
MAX_URL = 2000
LOGGED_FIELD = "known failure"


class KnownFailureSerializer(StrictSerializer):
    """A known failure with its reason and end."""

    reason = TextField(max_length=MAX_REASON, help_text="Why the pipeline fails, or who works on it.")
    ticket_url = WebAddressField(
        max_length=MAX_URL, required=False, allow_null=True, help_text="Address of the ticket, http or https."
    )
    until = TimeField(
        required=False, allow_null=True, help_text="When the mark ends at the latest; null: when the failure ends."
    )

    def validate_until(self, value: Any) -> Any:
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError("Give a time in the future.")
        return value


class KnownFailureAnswerSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(source="known_reason")
    ticket_url = serializers.CharField(source="known_ticket_url", allow_null=True)
    until = serializers.DateTimeField(
        source="known_until",
        allow_null=True,
        help_text="When the mark ends at the latest; null: when the failure ends.",
    )
    since = serializers.DateTimeField(source="known_since", help_text="When the failure was marked.")
    run_id = serializers.UUIDField(source="known_run_id", help_text="The failed run that was marked.")
    incident = serializers.CharField(
        source="known_fingerprint", help_text="The fingerprint of the incident, as in the report `incidents`."
    )


class KnownFailureView(StrictView):
    queryset = Pipeline.objects.all()
    # Both methods need the permission to change the pipeline.
    method_permissions = {"POST": "change", "DELETE": "change"}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        pipelines = visible_to(request, Pipeline.objects.all(), client_lookup="client_id", pipeline_lookup="id")
        self.pipeline = find_or_404(pipelines, kwargs["pipeline_id"])

    @extend_schema(
        operation_id="mark_known_failure",
        summary="Mark the failure of a pipeline as known",
        request=KnownFailureSerializer,
        responses=KnownFailureAnswerSerializer,
    )
    @transaction.atomic
    def post(self, request: Request, pipeline_id: Any) -> Response:
        """Mark the failure, and replace an existing mark. The pipeline stays on every list, below new failures.

        The mark ends with the first success, at `until`, or when the error changes. A pipeline that is not failing
        cannot be marked.
        """
        serializer = KnownFailureSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            mark_known_failure(pipeline=self.pipeline, **serializer.validated_data)
        except NotFailing:
            raise ValidationError({"pipeline_id": ["The pipeline is not failing."]}) from None
        log_change(request, self.pipeline, CHANGE, [LOGGED_FIELD])
        # mark_known_failure changes the row in the database, but not this instance.
        self.pipeline.refresh_from_db()
        return Response(KnownFailureAnswerSerializer(self.pipeline).data)

    @extend_schema(
        operation_id="clear_known_failure", summary="Remove the mark of a known failure", responses={204: None}
    )
    @transaction.atomic
    def delete(self, request: Request, pipeline_id: Any) -> Response:
        """Remove the mark, even if it has ended. If there is no mark, the response is the same."""
        if clear_known_failure(pipeline=self.pipeline):
            log_change(request, self.pipeline, CHANGE, [LOGGED_FIELD])
        return Response(status=204)
