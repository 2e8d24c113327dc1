"""URLs of clients and pipelines in the API."""

from typing import Any

from django.urls import path

from chm_project.api import path_converters  # noqa: F401  # the converter of <id:...>
from inventory.api.views import ClientPipelineViewSet, ClientViewSet, PipelineViewSet

COLLECTION_ACTIONS: dict[str, Any] = {"get": "list", "post": "create"}
OBJECT_ACTIONS: dict[str, Any] = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}

urlpatterns = [
    path("clients", ClientViewSet.as_view(COLLECTION_ACTIONS), name="clients"),
    path("clients/<id:client_id>", ClientViewSet.as_view(OBJECT_ACTIONS), name="client"),
    path(
        "clients/<id:client_id>/pipelines", ClientPipelineViewSet.as_view(COLLECTION_ACTIONS), name="client-pipelines"
    ),
    path("pipelines", PipelineViewSet.as_view({"get": "list"}), name="pipelines"),
    path("pipelines/<id:pipeline_id>", PipelineViewSet.as_view(OBJECT_ACTIONS), name="pipeline"),
]
