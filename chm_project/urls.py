from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

from chm_project.api.error_index import ErrorIndexView
from chm_project.api.root import RootView
from chm_project.api.views import DocsView, HealthView, SchemaView, unknown_route
from chm_project.handover.views import HandoverView, incident_feed
from chm_project.operations.views import MetricsView, ReadyView

api: list[URLPattern | URLResolver] = [
    # Django tries the routes in this order, and the routes of runs get the most requests. So they are first.
    path("", include("runs.api.urls")),
    path("", include("inventory.api.urls")),
    path("", include("alerting.api.urls")),
    path("", include("ingestion.api.urls")),
    path("errors", ErrorIndexView.as_view(), name="errors"),
    path("handover", HandoverView.as_view(), name="handover"),
    path("schema", SchemaView.as_view(), name="schema"),
    path("docs", DocsView.as_view(url_name="schema"), name="docs"),
]

urlpatterns = [
    path("api/v1/", include(api)),
    path("ping/", include("runs.api.ping_urls")),
    re_path(r"^(?:admin)?\Z", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/console/", include("chm_project.console.urls")),
    path("admin/", admin.site.urls),
    path("health", HealthView.as_view(), name="health"),
    path("ready", ReadyView.as_view(), name="ready"),
    path("metrics", MetricsView.as_view(), name="metrics"),
    path("feed/<str:key>", incident_feed, name="incident-feed"),
    path("api/v1", RootView.as_view(), name="root"),
    # This route is last, so that every unknown path of the API gets a JSON error.
    re_path(r"^api/v1(?:/[\s\S]*)?\Z", unknown_route),
]

handler400 = "chm_project.api.errors.bad_request"
handler403 = "chm_project.api.errors.permission_denied"
handler404 = "chm_project.api.errors.page_not_found"
handler500 = "chm_project.api.errors.server_error"
