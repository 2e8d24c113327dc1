"""The four roles, as groups.

Django creates permission rows only after the last migration. So on an empty database, this migration creates the
permission rows that it needs. Superusers may change the groups later.
"""

from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

LABELS = ["auth", "admin", "access", "inventory", "runs", "alerting"]

VIEWER = {
    "inventory.view_client",
    "inventory.view_pipeline",
    "runs.view_run",
    "alerting.view_alertrule",
}
ANALYST = VIEWER | {
    "inventory.add_client",
    "inventory.change_client",
    "inventory.add_pipeline",
    "inventory.change_pipeline",
    "runs.add_run",
    "alerting.add_alertrule",
    "alerting.change_alertrule",
    "alerting.delete_alertrule",
}
OPERATOR = VIEWER | {
    "access.run_ingestion",
    "access.view_apitoken",
    "access.add_apitoken",
    "access.change_apitoken",
}
ADMINISTRATOR = (
    ANALYST
    | OPERATOR
    | {
        "admin.view_logentry",
        "auth.add_user",
        "auth.change_user",
        "auth.delete_user",
        "auth.view_user",
        "auth.view_group",
    }
)
ROLES = {"viewer": VIEWER, "analyst": ANALYST, "operator": OPERATOR, "administrator": ADMINISTRATOR}


def make_roles(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    for label in LABELS:
        app_config = apps.get_app_config(label)
        # Historical apps have no models module, and create_permissions skips apps without one.
        former = getattr(app_config, "models_module", None)
        app_config.models_module = True
        create_permissions(app_config, apps=apps, using=alias, verbosity=0)
        app_config.models_module = former
    permissions = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in apps.get_model("auth", "Permission").objects.using(alias).select_related("content_type")
    }
    for name, granted in ROLES.items():
        group, _ = apps.get_model("auth", "Group").objects.using(alias).get_or_create(name=name)
        group.permissions.set(permissions[permission] for permission in granted)


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0001_initial"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("inventory", "0001_initial"),
        ("runs", "0001_initial"),
        ("alerting", "0001_initial"),
    ]

    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop, elidable=False)]
