"""The side bar and static files of the console. The settings of Unfold name these functions."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

from chm_project.access.visibility import visibility_of

# Title, icon, route of the page, and the permission that the page needs.
_GROUPS = {
    "Health": [
        ("Health board", "monitor_heart", "admin:index", "runs.view_run"),
        ("Handover", "assignment", "console:handover", "runs.view_run"),
        ("Runs", "history", "admin:runs_run_changelist", "runs.view_run"),
        ("Unusual successes", "troubleshoot", "console:unusual", "runs.view_run"),
        ("My clients", "bookmark", "console:my-clients", "runs.view_run"),
    ],
    "Inventory": [
        ("Clients", "apartment", "admin:inventory_client_changelist", "inventory.view_client"),
        ("Pipelines", "conversion_path", "admin:inventory_pipeline_changelist", "inventory.view_pipeline"),
        ("Connections", "cable", "console:connections", "inventory.view_pipeline"),
        ("Alert rules", "notifications", "admin:alerting_alertrule_changelist", "alerting.view_alertrule"),
    ],
    "Programs": [("API", "api", "root", "inventory.view_client")],
    "Access": [
        ("API tokens", "key", "admin:access_apitoken_changelist", "access.view_apitoken"),
        ("People", "person", "admin:auth_user_changelist", "auth.view_user"),
        ("Roles", "group", "admin:auth_group_changelist", "auth.view_group"),
    ],
}
# Users who are bound to clients may not open these pages, because they are about all clients.
_PAGES_ABOUT_ALL_CLIENTS = {"admin:auth_user_changelist", "admin:auth_group_changelist", "console:connections"}


def side_bar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the groups of the menu, with the pages that the user may open."""
    is_bound = visibility_of(request).is_bound
    return [
        {
            "title": group,
            "items": [
                {"title": title, "icon": icon, "link": reverse(page)}
                for title, icon, page, permission in pages
                if request.user.has_perm(permission) and not (page in _PAGES_ABOUT_ALL_CLIENTS and is_bound)
            ],
        }
        for group, pages in _GROUPS.items()
    ]


def style(_request: HttpRequest) -> str:
    return static("console/console.css")


def script(_request: HttpRequest) -> str:
    return static("console/console.js")


def copy_buttons(_request: HttpRequest) -> str:
    return static("console/copy_buttons.js")


def chart_values(_request: HttpRequest) -> str:
    return static("console/chart_values.js")


def icon(_request: HttpRequest) -> str:
    return static("console/icon.svg")
