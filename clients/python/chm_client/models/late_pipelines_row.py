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
            environment (str): Where it runs
            last_start_at (datetime.datetime): When it last started
            usual_gap_minutes (float): Median gap between its last 20 starts, to 1 place
            expected_by (datetime.datetime): Last start + twice that gap + 15 minutes
            late_minutes (int): Whole minutes since then
            client_id (UUID): Key of the client
            pipeline_id (UUID): Key of the pipeline
            run_id (UUID): Key of the run that started last
     """

    client_name: str
    pipeline_name: str
    platform: str
    environment: str
    last_start_at: datetime.datetime
    usual_gap_minutes: float
    expected_by: datetime.datetime
    late_minutes: int
    client_id: UUID
    pipeline_id: UUID
    run_id: UUID
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        client_name = self.client_name

        pipeline_name = self.pipeline_name

        platform = self.platform

        environment = self.environment

        last_start_at = self.last_start_at.isoformat()

        usual_gap_minutes = self.usual_gap_minutes

        expected_by = self.expected_by.isoformat()

        late_minutes = self.late_minutes

        client_id = str(self.client_id)

        pipeline_id = str(self.pipeline_id)

        run_id = str(self.run_id)


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "client_name": client_name,
            "pipeline_name": pipeline_name,
            "platform": platform,
            "environment": environment,
            "last_start_at": last_start_at,
            "usual_gap_minutes": usual_gap_minutes,
            "expected_by": expected_by,
            "late_minutes": late_minutes,
            "client_id": client_id,
            "pipeline_id": pipeline_id,
            "run_id": run_id,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        client_name = d.pop("client_name")

        pipeline_name = d.pop("pipeline_name")

        platform = d.pop("platform")

        environment = d.pop("environment")

        last_start_at = datetime.datetime.fromisoformat(d.pop("last_start_at"))




        usual_gap_minutes = d.pop("usual_gap_minutes")

        expected_by = datetime.datetime.fromisoformat(d.pop("expected_by"))




        late_minutes = d.pop("late_minutes")

        client_id = UUID(d.pop("client_id"))




        pipeline_id = UUID(d.pop("pipeline_id"))




        run_id = UUID(d.pop("run_id"))




        late_pipelines_row = cls(
            client_name=client_name,
            pipeline_name=pipeline_name,
            platform=platform,
            environment=environment,
            last_start_at=last_start_at,
            usual_gap_minutes=usual_gap_minutes,
            expected_by=expected_by,
            late_minutes=late_minutes,
            client_id=client_id,
            pipeline_id=pipeline_id,
            run_id=run_id,
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
