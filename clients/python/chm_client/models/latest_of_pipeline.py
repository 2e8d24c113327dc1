from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.platform import check_platform
from ..models.platform import Platform
from ..models.run_status import check_run_status
from ..models.run_status import RunStatus
from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="LatestOfPipeline")



@_attrs_define
class LatestOfPipeline:
    """ 
        Attributes:
            pipeline_id (UUID): The id of a pipeline.
            pipeline_name (str): The name of the pipeline.
            platform (Platform):
            latest_status (RunStatus):
            latest_run_at (datetime.datetime | None): When the latest run started; null if unknown.
     """

    pipeline_id: UUID
    pipeline_name: str
    platform: Platform
    latest_status: RunStatus
    latest_run_at: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        pipeline_id = str(self.pipeline_id)

        pipeline_name = self.pipeline_name

        platform: str = self.platform

        latest_status: str = self.latest_status

        latest_run_at: None | str
        if isinstance(self.latest_run_at, datetime.datetime):
            latest_run_at = self.latest_run_at.isoformat()
        else:
            latest_run_at = self.latest_run_at


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "pipeline_id": pipeline_id,
            "pipeline_name": pipeline_name,
            "platform": platform,
            "latest_status": latest_status,
            "latest_run_at": latest_run_at,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        pipeline_id = UUID(d.pop("pipeline_id"))




        pipeline_name = d.pop("pipeline_name")

        platform = check_platform(d.pop("platform"))




        latest_status = check_run_status(d.pop("latest_status"))




        def _parse_latest_run_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                latest_run_at_type_0 = datetime.datetime.fromisoformat(data)



                return latest_run_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        latest_run_at = _parse_latest_run_at(d.pop("latest_run_at"))


        latest_of_pipeline = cls(
            pipeline_id=pipeline_id,
            pipeline_name=pipeline_name,
            platform=platform,
            latest_status=latest_status,
            latest_run_at=latest_run_at,
        )


        latest_of_pipeline.additional_properties = d
        return latest_of_pipeline

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
