from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from uuid import UUID






T = TypeVar("T", bound="TopFlakyPipelinesRow")



@_attrs_define
class TopFlakyPipelinesRow:
    """ 
        Attributes:
            client_name (str): Name of the client
            pipeline_name (str): Name of the pipeline
            platform (str): Kind of orchestrator
            failure_count (int): Failed runs
            total_runs (int): All runs
            failure_rate (float): Failed ÷ all runs, to 4 places
            flips (int): Changes between success and failed, from one decisive run to the next
            kind (str): flaky: at least 2 flips; broken: no flip, and the pipeline is failing; rare: all others
            client_id (UUID): Key of the client
            pipeline_id (UUID): Key of the pipeline
     """

    client_name: str
    pipeline_name: str
    platform: str
    failure_count: int
    total_runs: int
    failure_rate: float
    flips: int
    kind: str
    client_id: UUID
    pipeline_id: UUID
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        client_name = self.client_name

        pipeline_name = self.pipeline_name

        platform = self.platform

        failure_count = self.failure_count

        total_runs = self.total_runs

        failure_rate = self.failure_rate

        flips = self.flips

        kind = self.kind

        client_id = str(self.client_id)

        pipeline_id = str(self.pipeline_id)


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "client_name": client_name,
            "pipeline_name": pipeline_name,
            "platform": platform,
            "failure_count": failure_count,
            "total_runs": total_runs,
            "failure_rate": failure_rate,
            "flips": flips,
            "kind": kind,
            "client_id": client_id,
            "pipeline_id": pipeline_id,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        client_name = d.pop("client_name")

        pipeline_name = d.pop("pipeline_name")

        platform = d.pop("platform")

        failure_count = d.pop("failure_count")

        total_runs = d.pop("total_runs")

        failure_rate = d.pop("failure_rate")

        flips = d.pop("flips")

        kind = d.pop("kind")

        client_id = UUID(d.pop("client_id"))




        pipeline_id = UUID(d.pop("pipeline_id"))




        top_flaky_pipelines_row = cls(
            client_name=client_name,
            pipeline_name=pipeline_name,
            platform=platform,
            failure_count=failure_count,
            total_runs=total_runs,
            failure_rate=failure_rate,
            flips=flips,
            kind=kind,
            client_id=client_id,
            pipeline_id=pipeline_id,
        )


        top_flaky_pipelines_row.additional_properties = d
        return top_flaky_pipelines_row

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
