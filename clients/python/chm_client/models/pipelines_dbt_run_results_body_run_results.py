from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast

if TYPE_CHECKING:
  from ..models.pipelines_dbt_run_results_body_run_results_metadata import PipelinesDbtRunResultsBodyRunResultsMetadata
  from ..models.pipelines_dbt_run_results_body_run_results_results_item import PipelinesDbtRunResultsBodyRunResultsResultsItem





T = TypeVar("T", bound="PipelinesDbtRunResultsBodyRunResults")



@_attrs_define
class PipelinesDbtRunResultsBodyRunResults:
    """ run_results.json as dbt writes it.

        Attributes:
            metadata (PipelinesDbtRunResultsBodyRunResultsMetadata):
            results (list[PipelinesDbtRunResultsBodyRunResultsResultsItem]):
     """

    metadata: PipelinesDbtRunResultsBodyRunResultsMetadata
    results: list[PipelinesDbtRunResultsBodyRunResultsResultsItem]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.pipelines_dbt_run_results_body_run_results_metadata import PipelinesDbtRunResultsBodyRunResultsMetadata # noqa: PLC0415
        from ..models.pipelines_dbt_run_results_body_run_results_results_item import PipelinesDbtRunResultsBodyRunResultsResultsItem # noqa: PLC0415
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
        from ..models.pipelines_dbt_run_results_body_run_results_metadata import PipelinesDbtRunResultsBodyRunResultsMetadata # noqa: PLC0415
        from ..models.pipelines_dbt_run_results_body_run_results_results_item import PipelinesDbtRunResultsBodyRunResultsResultsItem # noqa: PLC0415
        d = dict(src_dict)
        metadata = PipelinesDbtRunResultsBodyRunResultsMetadata.from_dict(d.pop("metadata"))




        results = []
        _results = d.pop("results")
        for results_item_data in (_results):
            results_item = PipelinesDbtRunResultsBodyRunResultsResultsItem.from_dict(results_item_data)



            results.append(results_item)


        pipelines_dbt_run_results_body_run_results = cls(
            metadata=metadata,
            results=results,
        )


        pipelines_dbt_run_results_body_run_results.additional_properties = d
        return pipelines_dbt_run_results_body_run_results

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
