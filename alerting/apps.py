from django.apps import AppConfig


class AlertingConfig(AppConfig):
    name = "alerting"
    # As the menu of the console groups its pages.
    verbose_name = "Inventory"
