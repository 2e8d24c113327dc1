from django.urls import path

from chm_project.console.pages import views

app_name = "console"

urlpatterns = [
    path("list/<slug:key>/", views.section_list, name="list"),
    path("client/<uuid:client_id>/", views.client_page, name="client"),
    path("pipeline/<uuid:pipeline_id>/", views.pipeline_page, name="pipeline"),
    path("pipeline/<uuid:pipeline_id>/ingest/", views.ingest_now, name="ingest"),
]
