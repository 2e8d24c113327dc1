from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast

if TYPE_CHECKING:
  from ..models.pipelines_dbt_run_results_body_metadata import PipelinesDbtRunResultsBodyMetadata
  from ..models.pipelines_dbt_run_results_body_results_item import PipelinesDbtRunResultsBodyResultsItem





T = TypeVar("T", bound="PipelinesDbtRunResultsBody")



@_attrs_define
class PipelinesDbtRunResultsBody:
    """ run_results.json as dbt writes it, or {run_results, manifest}.

        Attributes:
            metadata (PipelinesDbtRunResultsBodyMetadata):
            results (list[PipelinesDbtRunResultsBodyResultsItem]):
     """

    metadata: PipelinesDbtRunResultsBodyMetadata
    results: list[PipelinesDbtRunResultsBodyResultsItem]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.pipelines_dbt_run_results_body_metadata import PipelinesDbtRunResultsBodyMetadata # noqa: PLC0415
        from ..models.pipelines_dbt_run_results_body_results_item import PipelinesDbtRunResultsBodyResultsItem # noqa: PLC0415
        metadata = self.metadata.to_dict()

        results = []
        for results_item_data in self.results:
            results_item = results_item_data.to_dict()
            results.append(results_item)




        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "metadata": metadata,
            "results": results,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.pipelines_dbt_run_results_body_metadata import PipelinesDbtRunResultsBodyMetadata # noqa: PLC0415
        from ..models.pipelines_dbt_run_results_body_results_item import PipelinesDbtRunResultsBodyResultsItem # noqa: PLC0415
        d = dict(src_dict)
        metadata = PipelinesDbtRunResultsBodyMetadata.from_dict(d.pop("metadata"))




        results = []
        _results = d.pop("results")
        for results_item_data in (_results):
            results_item = PipelinesDbtRunResultsBodyResultsItem.from_dict(results_item_data)



            results.append(results_item)


        pipelines_dbt_run_results_body = cls(
            metadata=metadata,
            results=results,
        )


        pipelines_dbt_run_results_body.additional_properties = d
        return pipelines_dbt_run_results_body

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
