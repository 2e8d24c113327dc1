from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "runs"
    # The name of the group in the menu of the console.
    verbose_name = "Health"
