from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "chm_project.access"
    label = "access"
