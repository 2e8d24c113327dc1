"""The keys that select pipelines in TOML files. The connections file and the maintenance file use the same keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from chm_project.settings.config_reader import ConfigReader
from inventory.models import Environment, Platform

SELECTION_KEYS = {"clients", "platform", "environment", "external_ids", "external_id_prefix"}


@dataclass(frozen=True, slots=True)
class PipelineSelection:
    """The pipelines that a table of a TOML file applies to. An empty field does not restrict the selection."""

    clients: tuple[str, ...] = ()
    platform: str = ""
    environment: str = ""
    external_ids: tuple[str, ...] = ()
    external_id_prefix: str = ""

    def condition(self) -> Q:
        """Return a condition for a query of Pipeline."""
        conditions = {
            "client__name__in": self.clients,
            "platform": self.platform,
            "environment": self.environment,
            "external_id__in": self.external_ids,
            "external_id__startswith": self.external_id_prefix,
        }
        # Django ignores an empty Q in an OR, and refuses an empty Q in When(). pk__isnull=False is always true, so this
        # Q is never empty.
        return Q(pk__isnull=False, **{lookup: value for lookup, value in conditions.items() if value})

    def allows_external_id(self, external_id: str) -> bool:
        """Return whether a pipeline with this external id could be selected."""
        return (not self.external_ids or external_id in self.external_ids) and external_id.startswith(
            self.external_id_prefix
        )


def read_selection(reader: ConfigReader, table_name: str, table: Mapping[str, Any]) -> PipelineSelection:
    selection = PipelineSelection(
        clients=reader.texts(table, table_name, "clients"),
        platform=reader.choice(table, table_name, "platform", tuple(Platform.values)),
        environment=reader.choice(table, table_name, "environment", tuple(Environment.values)),
        external_ids=reader.texts(table, table_name, "external_ids"),
        external_id_prefix=reader.text(table, table_name, "external_id_prefix"),
    )
    reader.refuse_unknown_keys(table, table_name, SELECTION_KEYS)
    return selection
