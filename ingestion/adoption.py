"""Adopt pipelines that exist only at a source: create them in the inventory, as an import of a file would."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from django.db import transaction

from chm_project.admin_kit.import_export.importing import ImportResult, RowFault, import_rows
from chm_project.admin_kit.import_export.tables import FileRow
from ingestion.connection_status import ConnectionStatus, UnmatchedPipeline
from inventory.import_export import PipelineSheet
from inventory.models import Environment, Platform

MAX_ADOPTED = 200
# The platform of adopted pipelines, by connector, if the connection selects no platform. For all other connectors it is
# vendor_api.
DEFAULT_PLATFORMS = {
    "airflow": Platform.AIRFLOW,
    "dbt_cloud": Platform.DBT,
    "generic": Platform.CUSTOM,
    "declarative": Platform.CUSTOM,
    "cursor_api": Platform.CUSTOM,
}


def adopt_from_source(
    status: ConnectionStatus, external_ids: Collection[str], *, client: str, pipeline_type: str, user_id: Any
) -> ImportResult:
    """Create the selected pipelines, all or none, and return the result of the import.

    `client` is the name of the client of all these pipelines. If `client` is "", Connection.client_of finds the client
    of each pipeline. Errors contain the number of their pipeline. The selected pipelines are numbered from 1, in the
    order of their external ids.
    """
    selected = [pipeline for pipeline in status.unmatched if pipeline.external_id in external_ids]
    if len(selected) > MAX_ADOPTED:
        return ImportResult([RowFault(0, "", f"At most {MAX_ADOPTED} pipelines can be adopted at once.")])
    if len(selected) < len(set(external_ids)):
        return ImportResult([RowFault(0, "", "Some pipelines are no longer in the list. Reload the page.")])
    rows = _import_rows(status, selected, client, pipeline_type)
    with transaction.atomic():
        result = import_rows(PipelineSheet(), rows, user_id=user_id)
        # The importer finds existing pipelines by name. Without these faults, it would change their external ids.
        result.faults += [
            RowFault(change.row_number, "name", f"{change.instance} already exists. Change its external id instead.")
            for change in result.updates
        ]
        if result.faults:
            transaction.set_rollback(True)
    return result


def _import_rows(
    status: ConnectionStatus, pipelines: Sequence[UnmatchedPipeline], client: str, pipeline_type: str
) -> list[FileRow]:
    connection = status.connection
    selection = connection.pipelines
    name_counts = Counter(pipeline.name for pipeline in pipelines)
    rows = []
    for row_number, pipeline in enumerate(pipelines, 1):
        name, external_id = pipeline.name, pipeline.external_id
        client_name = client or pipeline.client
        cells = {
            "client": client_name,
            # Names are unique per client in the inventory, but not at every source.
            "name": name if name_counts[name] == 1 else f"{name} ({external_id})",
            "platform": selection.platform or DEFAULT_PLATFORMS.get(connection.connector, Platform.VENDOR_API),
            "external_id": external_id,
            "pipeline_type": pipeline_type,
            "environment": selection.environment or Environment.PROD,
        }
        faults = []
        if not client_name:
            faults.append(("client", "No rule assigns a client; choose one."))
        elif selection.clients and client_name not in selection.clients:
            faults.append(("client", f"The connection does not select the client {client_name}."))
        rows.append(FileRow(row_number, cells, faults))
    return rows
