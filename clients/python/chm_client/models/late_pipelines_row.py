from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="LatePipelinesRow")



@_attrs_define
class LatePipelinesRow:
    """ 
        Attributes:
            client_name (str): Name of the client
            pipeline_name (str): Name of the pipeline
            platform (str): Kind of orchestrator
            environment (str): Where the pipeline runs
            last_start_at (datetime.datetime | None): When the pipeline last started; null: it never started, and its source
                planned the first start
            usual_gap_minutes (float | None): Median of the gaps between its last 20 starts, to 1 place; null: fewer than 3
                starts, or the gaps are not regular
            expected_at (datetime.datetime): When the next start was expected
            expected_by (datetime.datetime): From this time on the pipeline is late: `expected_at` plus a grace period
            late_minutes (int): Whole minutes since `expected_by`
            reason (str): Why a start was expected
            client_id (UUID): Key of the client
            pipeline_id (UUID): Key of the pipeline
            run_id (None | UUID): Key of the run that started last
            source_url (None | str): Page of that run at the source; null: unknown
            maintenance (None | str): Reason of the planned maintenance; null: no planned maintenance
            owner (None | str): Owner from the maintenance file; for an incident, the owner of the pipeline that failed last
            runbook_url (None | str): URL of the instructions for a failure, from the maintenance file
     """

    client_name: str
    pipeline_name: str
    platform: str
    environment: str
    last_start_at: datetime.datetime | None
    usual_gap_minutes: float | None
    expected_at: datetime.datetime
    expected_by: datetime.datetime
    late_minutes: int
    reason: str
    client_id: UUID
    pipeline_id: UUID
    run_id: None | UUID
    source_url: None | str
    maintenance: None | str
    owner: None | str
    runbook_url: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        client_name = self.client_name

        pipeline_name = self.pipeline_name

        platform = self.platform

        environment = self.environment

        last_start_at: None | str
        if isinstance(self.last_start_at, datetime.datetime):
            last_start_at = self.last_start_at.isoformat()
        else:
            last_start_at = self.last_start_at

        usual_gap_minutes: float | None
        usual_gap_minutes = self.usual_gap_minutes

        expected_at = self.expected_at.isoformat()

        expected_by = self.expected_by.isoformat()

        late_minutes = self.late_minutes

        reason = self.reason

        client_id = str(self.client_id)

        pipeline_id = str(self.pipeline_id)

        run_id: None | str
        if isinstance(self.run_id, UUID):
            run_id = str(self.run_id)
        else:
            run_id = self.run_id

        source_url: None | str
        source_url = self.source_url

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
            "last_start_at": last_start_at,
            "usual_gap_minutes": usual_gap_minutes,
            "expected_at": expected_at,
            "expected_by": expected_by,
            "late_minutes": late_minutes,
            "reason": reason,
            "client_id": client_id,
            "pipeline_id": pipeline_id,
            "run_id": run_id,
            "source_url": source_url,
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

        def _parse_last_start_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                last_start_at_type_0 = datetime.datetime.fromisoformat(data)



                return last_start_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        last_start_at = _parse_last_start_at(d.pop("last_start_at"))


        def _parse_usual_gap_minutes(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        usual_gap_minutes = _parse_usual_gap_minutes(d.pop("usual_gap_minutes"))


        expected_at = datetime.datetime.fromisoformat(d.pop("expected_at"))




        expected_by = datetime.datetime.fromisoformat(d.pop("expected_by"))




        late_minutes = d.pop("late_minutes")

        reason = d.pop("reason")

        client_id = UUID(d.pop("client_id"))




        pipeline_id = UUID(d.pop("pipeline_id"))




        def _parse_run_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                run_id_type_0 = UUID(data)



                return run_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        run_id = _parse_run_id(d.pop("run_id"))


        def _parse_source_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        source_url = _parse_source_url(d.pop("source_url"))


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


        late_pipelines_row = cls(
            client_name=client_name,
            pipeline_name=pipeline_name,
            platform=platform,
            environment=environment,
            last_start_at=last_start_at,
            usual_gap_minutes=usual_gap_minutes,
            expected_at=expected_at,
            expected_by=expected_by,
            late_minutes=late_minutes,
            reason=reason,
            client_id=client_id,
            pipeline_id=pipeline_id,
            run_id=run_id,
            source_url=source_url,
            maintenance=maintenance,
            owner=owner,
            runbook_url=runbook_url,
        )


        late_pipelines_row.additional_properties = d
        return late_pipelines_row

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
