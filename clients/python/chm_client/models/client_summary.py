from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime

if TYPE_CHECKING:
  from ..models.latest_of_pipeline import LatestOfPipeline
  from ..models.status_counts import StatusCounts





T = TypeVar("T", bound="ClientSummary")



@_attrs_define
class ClientSummary:
    """ 
        Attributes:
            client_id (UUID): The id of a client.
            since (datetime.datetime): Start of the window, inclusive.
            until (datetime.datetime): End of the window, exclusive.
            status_counts (StatusCounts):
            latest_by_pipeline (list[LatestOfPipeline]): The latest run of each pipeline with a run in the window.
     """

    client_id: UUID
    since: datetime.datetime
    until: datetime.datetime
    status_counts: StatusCounts
    latest_by_pipeline: list[LatestOfPipeline]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.latest_of_pipeline import LatestOfPipeline # noqa: PLC0415
        from ..models.status_counts import StatusCounts # noqa: PLC0415
        client_id = str(self.client_id)

        since = self.since.isoformat()

        until = self.until.isoformat()

        status_counts = self.status_counts.to_dict()

        latest_by_pipeline = []
        for latest_by_pipeline_item_data in self.latest_by_pipeline:
            latest_by_pipeline_item = latest_by_pipeline_item_data.to_dict()
            latest_by_pipeline.append(latest_by_pipeline_item)




        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "client_id": client_id,
            "since": since,
            "until": until,
            "status_counts": status_counts,
            "latest_by_pipeline": latest_by_pipeline,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.latest_of_pipeline import LatestOfPipeline # noqa: PLC0415
        from ..models.status_counts import StatusCounts # noqa: PLC0415
        d = dict(src_dict)
        client_id = UUID(d.pop("client_id"))




        since = datetime.datetime.fromisoformat(d.pop("since"))




        until = datetime.datetime.fromisoformat(d.pop("until"))




        status_counts = StatusCounts.from_dict(d.pop("status_counts"))




        latest_by_pipeline = []
        _latest_by_pipeline = d.pop("latest_by_pipeline")
        for latest_by_pipeline_item_data in (_latest_by_pipeline):
            latest_by_pipeline_item = LatestOfPipeline.from_dict(latest_by_pipeline_item_data)



            latest_by_pipeline.append(latest_by_pipeline_item)


        client_summary = cls(
            client_id=client_id,
            since=since,
            until=until,
            status_counts=status_counts,
            latest_by_pipeline=latest_by_pipeline,
        )


        client_summary.additional_properties = d
        return client_summary

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
