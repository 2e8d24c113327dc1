"""A destination has the form of its channel. Rules that exist stay as they are; those that do not fit are listed."""

import sys
from typing import Any

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

NAME = "alert_rules_destination_fits_channel"
SHOWN = 20
FORMS = {
    "slack": r"\A([#@][^\s#@]+|[CDGU][A-Z0-9]{8,}|https://[^\s/]+(/\S*)?)\Z",
    "email": r"\A[^\s@]+@[^\s@]+[.][^\s@.]+\Z",
    "webhook": r"\Ahttps://[^\s/]+(/\S*)?\Z",
}


def fitting() -> models.Q:
    condition = models.Q()
    for channel, pattern in FORMS.items():
        condition |= models.Q(channel=channel, destination__regex=pattern)
    return condition


def validate_or_list(apps: Any, schema_editor: Any) -> None:
    """Validate the constraint, or list the rules that keep it from being valid: they stay until somebody changes them."""
    rules = apps.get_model("alerting", "AlertRule").objects.using(schema_editor.connection.alias)
    wrong = list(rules.exclude(fitting()).order_by("created_at", "id").values_list("pk", "channel"))
    if not wrong:
        schema_editor.execute(f"ALTER TABLE alert_rules VALIDATE CONSTRAINT {NAME}")
        return
    lines = [f"  {pk} ({channel})" for pk, channel in wrong[:SHOWN]]
    if len(wrong) > SHOWN:
        lines.append(f"  and {len(wrong) - SHOWN} more")
    sys.stderr.write(
        f"{len(wrong)} alert rules have a destination that does not fit their channel. They are kept, and must be "
        "corrected before they can be changed:\n" + "\n".join(lines) + "\n"
    )


class Migration(migrations.Migration):
    dependencies = [
        ("alerting", "0004_include_known"),
    ]

    operations = [
        AddConstraintNotValid(
            model_name="alertrule",
            constraint=models.CheckConstraint(
                condition=fitting(),
                name=NAME,
                violation_error_message="The destination does not fit the channel.",
            ),
        ),
        migrations.RunPython(validate_or_list, migrations.RunPython.noop),
    ]
