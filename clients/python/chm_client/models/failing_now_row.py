from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="FailingNowRow")



@_attrs_define
class FailingNowRow:
    """ 
        Attributes:
            client_name (str): Name of the client
            pipeline_name (str): Name of the pipeline
            platform (str): Kind of orchestrator
            environment (str): Where the pipeline runs
            failing_since (datetime.datetime): When the first failure after the last success happened
            failed_in_a_row (int): Failed runs since the last success
            last_success_at (datetime.datetime | None): When the last success happened; null: never
            error_message (None | str): Error of the latest decisive run
            latest_status (str): Status of the latest run, which can be newer than the failure
            retrying (bool): Whether a run of the pipeline is open
            client_id (UUID): Key of the client
            pipeline_id (UUID): Key of the pipeline
            run_id (UUID): Key of the latest decisive run
            source_url (None | str): Page of that run at the source; null: unknown
            incident (str): Fingerprint of the pipeline's incident, as in the shape `incidents`
            known (bool): Whether a user has marked this failure as known, and the mark is still valid
            known_reason (None | str): Reason of the mark; null: the failure is not marked
            known_ticket_url (None | str): Address of a ticket about the failure
            known_until (datetime.datetime | None): When the mark ends; null: the mark ends with the failure, or there is no
                mark
            maintenance (None | str): Reason of the planned maintenance; null: no planned maintenance
            owner (None | str): Owner from the maintenance file; for an incident, the owner of the pipeline that failed last
            runbook_url (None | str): URL of the instructions for a failure, from the maintenance file
     """

    client_name: str
    pipeline_name: str
    platform: str
    environment: str
    failing_since: datetime.datetime
    failed_in_a_row: int
    last_success_at: datetime.datetime | None
    error_message: None | str
    latest_status: str
    retrying: bool
    client_id: UUID
    pipeline_id: UUID
    run_id: UUID
    source_url: None | str
    incident: str
    known: bool
    known_reason: None | str
    known_ticket_url: None | str
    known_until: datetime.datetime | None
    maintenance: None | str
    owner: None | str
    runbook_url: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        client_name = self.client_name

        pipeline_name = self.pipeline_name

        platform = self.platform

        environment = self.environment

        failing_since = self.failing_since.isoformat()

        failed_in_a_row = self.failed_in_a_row

        last_success_at: None | str
        if isinstance(self.last_success_at, datetime.datetime):
            last_success_at = self.last_success_at.isoformat()
        else:
            last_success_at = self.last_success_at

        error_message: None | str
        error_message = self.error_message

        latest_status = self.latest_status

        retrying = self.retrying

        client_id = str(self.client_id)

        pipeline_id = str(self.pipeline_id)

        run_id = str(self.run_id)

        source_url: None | str
        source_url = self.source_url

        incident = self.incident

        known = self.known

        known_reason: None | str
        known_reason = self.known_reason

        known_ticket_url: None | str
        known_ticket_url = self.known_ticket_url

        known_until: None | str
        if isinstance(self.known_until, datetime.datetime):
            known_until = self.known_until.isoformat()
        else:
            known_until = self.known_until

        maintenance: None | str
        maintenance = self.maintenance

        owner: None | str
        owner = self.owner

        runbook_url: None | str
        runbook_url = self.runbook_url


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "client_name": client_name,
            "pipeline_name": pipeline_name,
            "platform": platform,
            "environment": environment,
            "failing_since": failing_since,
            "failed_in_a_row": failed_in_a_row,
            "last_success_at": last_success_at,
            "error_message": error_message,
            "latest_status": latest_status,
            "retrying": retrying,
            "client_id": client_id,
            "pipeline_id": pipeline_id,
            "run_id": run_id,
            "source_url": source_url,
            "incident": incident,
            "known": known,
            "known_reason": known_reason,
            "known_ticket_url": known_ticket_url,
            "known_until": known_until,
            "maintenance": maintenance,
            "owner": owner,
            "runbook_url": runbook_url,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        client_name = d.pop("client_name")

        pipeline_name = d.pop("pipeline_name")

        platform = d.pop("platform")

        environment = d.pop("environment")

        failing_since = datetime.datetime.fromisoformat(d.pop("failing_since"))




        failed_in_a_row = d.pop("failed_in_a_row")

        def _parse_last_success_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                last_success_at_type_0 = datetime.datetime.fromisoformat(data)



                return last_success_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        last_success_at = _parse_last_success_at(d.pop("last_success_at"))


        def _parse_error_message(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        error_message = _parse_error_message(d.pop("error_message"))


        latest_status = d.pop("latest_status")

        retrying = d.pop("retrying")

        client_id = UUID(d.pop("client_id"))




        pipeline_id = UUID(d.pop("pipeline_id"))




        run_id = UUID(d.pop("run_id"))




        def _parse_source_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        source_url = _parse_source_url(d.pop("source_url"))


        incident = d.pop("incident")

        known = d.pop("known")

        def _parse_known_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        known_reason = _parse_known_reason(d.pop("known_reason"))


        def _parse_known_ticket_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        known_ticket_url = _parse_known_ticket_url(d.pop("known_ticket_url"))


        def _parse_known_until(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                known_until_type_0 = datetime.datetime.fromisoformat(data)



                return known_until_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        known_until = _parse_known_until(d.pop("known_until"))


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


        failing_now_row = cls(
            client_name=client_name,
            pipeline_name=pipeline_name,
            platform=platform,
            environment=environment,
            failing_since=failing_since,
            failed_in_a_row=failed_in_a_row,
            last_success_at=last_success_at,
            error_message=error_message,
            latest_status=latest_status,
            retrying=retrying,
            client_id=client_id,
            pipeline_id=pipeline_id,
            run_id=run_id,
            source_url=source_url,
            incident=incident,
            known=known,
            known_reason=known_reason,
            known_ticket_url=known_ticket_url,
            known_until=known_until,
            maintenance=maintenance,
            owner=owner,
            runbook_url=runbook_url,
        )


        failing_now_row.additional_properties = d
        return failing_now_row

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
