from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "runs"
    # As the menu of the console groups its pages.
    verbose_name = "Health"
