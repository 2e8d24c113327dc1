from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset







T = TypeVar("T", bound="PipelinesDbtRunResultsBodyRunResultsMetadata")



@_attrs_define
class PipelinesDbtRunResultsBodyRunResultsMetadata:
    """ 
        Attributes:
            invocation_id (str):
            generated_at (str): ISO 8601, as dbt writes it
     """

    invocation_id: str
    generated_at: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        invocation_id = self.invocation_id

        generated_at = self.generated_at


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "invocation_id": invocation_id,
            "generated_at": generated_at,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        invocation_id = d.pop("invocation_id")

        generated_at = d.pop("generated_at")

        pipelines_dbt_run_results_body_run_results_metadata = cls(
            invocation_id=invocation_id,
            generated_at=generated_at,
        )


        pipelines_dbt_run_results_body_run_results_metadata.additional_properties = d
        return pipelines_dbt_run_results_body_run_results_metadata

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
