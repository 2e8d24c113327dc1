"""URLs of the console's own pages, below /admin/console/."""

from django.urls import path

from chm_project.console.pages import connection_views, handover, my_clients, views

app_name = "console"

urlpatterns = [
    # The menu needs a name without arguments (side_bar).
    path("list/unusual/", views.section_list, {"key": "unusual"}, name="unusual"),
    path("list/<slug:key>/", views.section_list, name="list"),
    path("client/<uuid:client_id>/", views.client_page, name="client"),
    path("handover/", handover.handover_page, name="handover"),
    path("client/<uuid:client_id>/csv/<slug:table>/", views.client_csv, name="client-csv"),
    path("my-clients/", my_clients.my_clients_page, name="my-clients"),
    path("pipeline/<uuid:pipeline_id>/", views.pipeline_page, name="pipeline"),
    path("pipeline/<uuid:pipeline_id>/ingest/", views.ingest_now, name="ingest"),
    path("connections/", connection_views.connections_page, name="connections"),
    path("connections/<str:name>/", connection_views.connection_page, name="connection"),
    path("connections/<str:name>/adopt/", connection_views.adopt_pipelines, name="adopt"),
    path("pipeline/<uuid:pipeline_id>/known/", views.set_or_clear_known_failure, name="known"),
]
