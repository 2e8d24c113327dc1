"""Client names become unique without regard to upper and lower case. With clashes it lists them and changes nothing."""

from typing import Any

import django.db.models.functions.text
from django.core.management.base import CommandError
from django.db import migrations, models
from django.db.models.functions import Lower

from chm_project.db.alter_comments import AlterComments


def refuse_clashes(apps: Any, schema_editor: Any) -> None:
    found: dict[str, list[str]] = {}
    clients = apps.get_model("inventory", "Client").objects.using(schema_editor.connection.alias)
    for folded, name in clients.annotate(folded=Lower("name")).order_by("name").values_list("folded", "name"):
        found.setdefault(folded, []).append(name)
    if clashes := sorted("  " + ", ".join(map(repr, names)) for names in found.values() if len(names) > 1):
        raise CommandError(
            "Nothing was changed. The names of these clients differ in upper and lower case only. Rename all but one of "
            "each line, then migrate again:\n" + "\n".join(clashes)
        )


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0007_known_failures"),
    ]

    operations = [
        migrations.RunPython(refuse_clashes, migrations.RunPython.noop),
        AlterComments(
            model_name="client",
            comments={"name": "Unique without regard to case, shown everywhere"},
        ),
        migrations.RemoveConstraint(
            model_name="client",
            name="clients_name_unique",
        ),
        migrations.AddConstraint(
            model_name="client",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Lower("name"),
                name="clients_name_unique",
                violation_error_message="A client with this name exists already; upper and lower case are the same.",
            ),
        ),
    ]
