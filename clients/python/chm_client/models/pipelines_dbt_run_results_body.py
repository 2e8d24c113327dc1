from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
  from ..models.pipelines_dbt_run_results_body_manifest_type_0 import PipelinesDbtRunResultsBodyManifestType0
  from ..models.pipelines_dbt_run_results_body_metadata import PipelinesDbtRunResultsBodyMetadata
  from ..models.pipelines_dbt_run_results_body_results_item import PipelinesDbtRunResultsBodyResultsItem
  from ..models.pipelines_dbt_run_results_body_run_results import PipelinesDbtRunResultsBodyRunResults





T = TypeVar("T", bound="PipelinesDbtRunResultsBody")



@_attrs_define
class PipelinesDbtRunResultsBody:
    """ run_results.json as dbt writes it, with metadata and results. Or {run_results, manifest}; the manifest is optional.

        Example:
            {'metadata': {'invocation_id': 'b7f1e0c2-5d8a-4f3e-9b61-2c4d7a8e9f10', 'generated_at':
                '2026-03-01T10:00:00.123456Z'}, 'results': [{'unique_id': 'model.shop.orders', 'status': 'success'}]}

        Attributes:
            metadata (PipelinesDbtRunResultsBodyMetadata | Unset):
            results (list[PipelinesDbtRunResultsBodyResultsItem] | Unset):
            run_results (PipelinesDbtRunResultsBodyRunResults | Unset): run_results.json as dbt writes it.
            manifest (None | PipelinesDbtRunResultsBodyManifestType0 | Unset): manifest.json as dbt writes it.
     """

    metadata: PipelinesDbtRunResultsBodyMetadata | Unset = UNSET
    results: list[PipelinesDbtRunResultsBodyResultsItem] | Unset = UNSET
    run_results: PipelinesDbtRunResultsBodyRunResults | Unset = UNSET
    manifest: None | PipelinesDbtRunResultsBodyManifestType0 | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.pipelines_dbt_run_results_body_manifest_type_0 import PipelinesDbtRunResultsBodyManifestType0 # noqa: PLC0415
        from ..models.pipelines_dbt_run_results_body_metadata import PipelinesDbtRunResultsBodyMetadata # noqa: PLC0415
        from ..models.pipelines_dbt_run_results_body_results_item import PipelinesDbtRunResultsBodyResultsItem # noqa: PLC0415
        from ..models.pipelines_dbt_run_results_body_run_results import PipelinesDbtRunResultsBodyRunResults # noqa: PLC0415
        metadata: dict[str, Any] | Unset = UNSET
        if not isinstance(self.metadata, Unset):
            metadata = self.metadata.to_dict()

        results: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.results, Unset):
            results = []
            for results_item_data in self.results:
                results_item = results_item_data.to_dict()
                results.append(results_item)



        run_results: dict[str, Any] | Unset = UNSET
        if not isinstance(self.run_results, Unset):
            run_results = self.run_results.to_dict()

        manifest: dict[str, Any] | None | Unset
        if isinstance(self.manifest, Unset):
            manifest = UNSET
        elif isinstance(self.manifest, PipelinesDbtRunResultsBodyManifestType0):
            manifest = self.manifest.to_dict()
        else:
            manifest = self.manifest


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
        })
        if metadata is not UNSET:
            field_dict["metadata"] = metadata
        if results is not UNSET:
            field_dict["results"] = results
        if run_results is not UNSET:
            field_dict["run_results"] = run_results
        if manifest is not UNSET:
            field_dict["manifest"] = manifest

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.pipelines_dbt_run_results_body_manifest_type_0 import PipelinesDbtRunResultsBodyManifestType0 # noqa: PLC0415
        from ..models.pipelines_dbt_run_results_body_metadata import PipelinesDbtRunResultsBodyMetadata # noqa: PLC0415
        from ..models.pipelines_dbt_run_results_body_results_item import PipelinesDbtRunResultsBodyResultsItem # noqa: PLC0415
        from ..models.pipelines_dbt_run_results_body_run_results import PipelinesDbtRunResultsBodyRunResults # noqa: PLC0415
        d = dict(src_dict)
        _metadata = d.pop("metadata", UNSET)
        metadata: PipelinesDbtRunResultsBodyMetadata | Unset
        if isinstance(_metadata,  Unset):
            metadata = UNSET
        else:
            metadata = PipelinesDbtRunResultsBodyMetadata.from_dict(_metadata)




        _results = d.pop("results", UNSET)
        results: list[PipelinesDbtRunResultsBodyResultsItem] | Unset = UNSET
        if _results is not UNSET:
            results = []
            for results_item_data in _results:
                results_item = PipelinesDbtRunResultsBodyResultsItem.from_dict(results_item_data)



                results.append(results_item)


        _run_results = d.pop("run_results", UNSET)
        run_results: PipelinesDbtRunResultsBodyRunResults | Unset
        if isinstance(_run_results,  Unset):
            run_results = UNSET
        else:
            run_results = PipelinesDbtRunResultsBodyRunResults.from_dict(_run_results)




        def _parse_manifest(data: object) -> None | PipelinesDbtRunResultsBodyManifestType0 | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                manifest_type_0 = PipelinesDbtRunResultsBodyManifestType0.from_dict(data)



                return manifest_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | PipelinesDbtRunResultsBodyManifestType0 | Unset, data)

        manifest = _parse_manifest(d.pop("manifest", UNSET))


        pipelines_dbt_run_results_body = cls(
            metadata=metadata,
            results=results,
            run_results=run_results,
            manifest=manifest,
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
