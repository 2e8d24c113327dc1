from django.urls import path

from chm_project.api import path_converters  # noqa: F401  # the converter of <id:...>
from ingestion.api.views import SyncStateView, SyncView

urlpatterns = [
    path("ingestion/runs/sync", SyncView.as_view(), name="ingestion-sync"),
    path("ingestion/runs/sync/<id:task_id>", SyncStateView.as_view(), name="ingestion-sync-state"),
]
