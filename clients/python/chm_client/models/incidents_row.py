from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="IncidentsRow")



@_attrs_define
class IncidentsRow:
    """ 
        Attributes:
            incident (str): Fingerprint of the platform and the cause, and of the client if the cause is vague. The
                fingerprint does not change when pipelines join the incident or recover. `incident` and `since` together
                identify a row
            platform (str): Kind of orchestrator
            since (datetime.datetime): When the first of these pipelines failed with this cause
            until (datetime.datetime): When the latest failed run of these pipelines happened
            pipelines (int): Number of pipelines that fail now with this cause
            clients (int): Number of clients of these pipelines
            client_names (str): Names of these clients: the first three, and how many more
            error_message (None | str): Error of the run in the column `run_id`
            cause (str): The common text of the errors, with # in place of parts that vary; empty: the errors have no text
            first_run_id (UUID): Key of the latest failed run of the pipeline that has failed for the longest time
            run_id (UUID): Key of the latest failed run of these pipelines
            known (int): Number of these pipelines whose failure a user has marked as known
            maintenance (None | str): Reason of the planned maintenance; null: no planned maintenance
            owner (None | str): Owner from the maintenance file; for an incident, the owner of the pipeline that failed last
            runbook_url (None | str): URL of the instructions for a failure, from the maintenance file
     """

    incident: str
    platform: str
    since: datetime.datetime
    until: datetime.datetime
    pipelines: int
    clients: int
    client_names: str
    error_message: None | str
    cause: str
    first_run_id: UUID
    run_id: UUID
    known: int
    maintenance: None | str
    owner: None | str
    runbook_url: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        incident = self.incident

        platform = self.platform

        since = self.since.isoformat()

        until = self.until.isoformat()

        pipelines = self.pipelines

        clients = self.clients

        client_names = self.client_names

        error_message: None | str
        error_message = self.error_message

        cause = self.cause

        first_run_id = str(self.first_run_id)

        run_id = str(self.run_id)

        known = self.known

        maintenance: None | str
        maintenance = self.maintenance

        owner: None | str
        owner = self.owner

        runbook_url: None | str
        runbook_url = self.runbook_url


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "incident": incident,
            "platform": platform,
            "since": since,
            "until": until,
            "pipelines": pipelines,
            "clients": clients,
            "client_names": client_names,
            "error_message": error_message,
            "cause": cause,
            "first_run_id": first_run_id,
            "run_id": run_id,
            "known": known,
            "maintenance": maintenance,
            "owner": owner,
            "runbook_url": runbook_url,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        incident = d.pop("incident")

        platform = d.pop("platform")

        since = datetime.datetime.fromisoformat(d.pop("since"))




        until = datetime.datetime.fromisoformat(d.pop("until"))




        pipelines = d.pop("pipelines")

        clients = d.pop("clients")

        client_names = d.pop("client_names")

        def _parse_error_message(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        error_message = _parse_error_message(d.pop("error_message"))


        cause = d.pop("cause")

        first_run_id = UUID(d.pop("first_run_id"))




        run_id = UUID(d.pop("run_id"))




        known = d.pop("known")

        def _parse_maintenance(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        maintenance = _parse_maintenance(d.pop("maintenance"))


        def _parse_owner(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        owner = _parse_owner(d.pop("owner"))


        def _parse_runbook_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        runbook_url = _parse_runbook_url(d.pop("runbook_url"))


        incidents_row = cls(
            incident=incident,
            platform=platform,
            since=since,
            until=until,
            pipelines=pipelines,
            clients=clients,
            client_names=client_names,
            error_message=error_message,
            cause=cause,
            first_run_id=first_run_id,
            run_id=run_id,
            known=known,
            maintenance=maintenance,
            owner=owner,
            runbook_url=runbook_url,
        )


        incidents_row.additional_properties = d
        return incidents_row

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
