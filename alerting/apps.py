from django.apps import AppConfig


class AlertingConfig(AppConfig):
    name = "alerting"
    # The group in the console's menu that contains the pages of this app.
    verbose_name = "Inventory"
