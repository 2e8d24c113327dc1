"""The app of clients and pipelines."""

from django.apps import AppConfig


class InventoryConfig(AppConfig):
    name = "inventory"
