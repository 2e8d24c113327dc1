"""Create pipelines in the inventory for pipelines that only a source has, with the importer."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from django.db import transaction

from chm_project.admin_kit.import_export.importing import Judgement, RowFault, import_rows
from chm_project.admin_kit.import_export.tables import Row
from ingestion.connection_status import ConnectionStatus, Unmatched
from inventory.import_export import PipelineSheet
from inventory.models import Environment, Platform

MAX_ADOPTED = 200
# Platform by connector. A connection that selects one platform uses that; all others are vendor_api.
PLATFORMS = {
    "airflow": Platform.AIRFLOW,
    "dbt_cloud": Platform.DBT,
    "generic": Platform.CUSTOM,
    "declarative": Platform.CUSTOM,
    "cursor_api": Platform.CUSTOM,
}


def adopt(
    status: ConnectionStatus, external_ids: Collection[str], *, client: str, pipeline_type: str, user_id: Any
) -> Judgement:
    """Store the selected pipelines, all or none; `client` is a name, or "" for the client by the connection's rules.

    Errors are numbered in the order of the selected pipelines in the source's list, from 1.
    """
    chosen = [each for each in status.unmatched if each.external_id in external_ids]
    if len(chosen) > MAX_ADOPTED:
        return Judgement([RowFault(0, "", f"At most {MAX_ADOPTED} can be adopted at once.")])
    if len(chosen) < len(set(external_ids)):
        return Judgement([RowFault(0, "", "Some are no longer on the list; look at it again.")])
    rows = _rows(status, chosen, client, pipeline_type)
    with transaction.atomic():
        judgement = import_rows(PipelineSheet(), rows, user_id=user_id)
        # The importer would update a pipeline with the same name and another external id.
        judgement.faults += [
            RowFault(change.number, "name", f"{change.row} exists already; give it this external id there.")
            for change in judgement.changed
        ]
        if judgement.faults:
            transaction.set_rollback(True)
    return judgement


def _rows(status: ConnectionStatus, chosen: Sequence[Unmatched], client: str, pipeline_type: str) -> list[Row]:
    connection = status.connection
    selected = connection.pipelines
    names = Counter(each.name for each in chosen)
    rows = []
    for number, each in enumerate(chosen, 1):
        owner = client or each.client
        cells = {
            "client": owner,
            "name": each.name if names[each.name] == 1 else f"{each.name} ({each.external_id})",
            "platform": selected.platform or PLATFORMS.get(connection.connector, Platform.VENDOR_API),
            "external_id": each.external_id,
            "pipeline_type": pipeline_type,
            "environment": selected.environment or Environment.PROD,
        }
        faults = []
        if not owner:
            faults.append(("client", "No rule says whose it is: choose a client."))
        elif selected.clients and owner not in selected.clients:
            faults.append(("client", f"The connection does not select {owner}."))
        rows.append(Row(number, cells, faults))
    return rows
