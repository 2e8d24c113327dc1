"""The side bar and the console's own files, as the settings name them for the admin."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

# Title, icon, page of the admin, and the permission that the page takes.
_GROUPS = {
    "Health": [
        ("Health board", "monitor_heart", "index", "runs.view_run"),
        ("Runs", "history", "runs_run_changelist", "runs.view_run"),
    ],
    "Inventory": [
        ("Clients", "apartment", "inventory_client_changelist", "inventory.view_client"),
        ("Pipelines", "conversion_path", "inventory_pipeline_changelist", "inventory.view_pipeline"),
        ("Alert rules", "notifications", "alerting_alertrule_changelist", "alerting.view_alertrule"),
    ],
    "Access": [
        ("API tokens", "key", "access_apitoken_changelist", "access.view_apitoken"),
        ("People", "person", "auth_user_changelist", "auth.view_user"),
        ("Roles", "group", "auth_group_changelist", "auth.view_group"),
    ],
}


def side_bar(request: HttpRequest) -> list[dict[str, Any]]:
    """Only what the person may open."""
    return [
        {
            "title": group,
            "items": [
                {"title": title, "icon": icon, "link": reverse(f"admin:{page}")}
                for title, icon, page, permission in pages
                if request.user.has_perm(permission)
            ],
        }
        for group, pages in _GROUPS.items()
    ]


def style(_request: HttpRequest) -> str:
    return static("console/console.css")


def script(_request: HttpRequest) -> str:
    return static("console/console.js")


def icon(_request: HttpRequest) -> str:
    return static("console/icon.svg")
