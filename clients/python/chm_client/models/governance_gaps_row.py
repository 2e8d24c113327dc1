from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from uuid import UUID






T = TypeVar("T", bound="GovernanceGapsRow")



@_attrs_define
class GovernanceGapsRow:
    """ 
        Attributes:
            client_name (str): Name of the client
            pipeline_name (str): Name of the pipeline
            gap (str): `no_external_id`: CHM cannot ingest the pipeline; `no_alert_rule`: no enabled rule watches the
                pipeline or its client; `no_run_30d`: no run happened in the 30 days before `as_of`
            client_id (UUID): Key of the client
            pipeline_id (UUID): Key of the pipeline
     """

    client_name: str
    pipeline_name: str
    gap: str
    client_id: UUID
    pipeline_id: UUID
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        client_name = self.client_name

        pipeline_name = self.pipeline_name

        gap = self.gap

        client_id = str(self.client_id)

        pipeline_id = str(self.pipeline_id)


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "client_name": client_name,
            "pipeline_name": pipeline_name,
            "gap": gap,
            "client_id": client_id,
            "pipeline_id": pipeline_id,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        client_name = d.pop("client_name")

        pipeline_name = d.pop("pipeline_name")

        gap = d.pop("gap")

        client_id = UUID(d.pop("client_id"))




        pipeline_id = UUID(d.pop("pipeline_id"))




        governance_gaps_row = cls(
            client_name=client_name,
            pipeline_name=pipeline_name,
            gap=gap,
            client_id=client_id,
            pipeline_id=pipeline_id,
        )


        governance_gaps_row.additional_properties = d
        return governance_gaps_row

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
