from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "runs"
    # The heading above the pages of this app in the menu of the console.
    verbose_name = "Health"
