from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.lineage_event_type import check_lineage_event_type
from ..models.lineage_event_type import LineageEventType
from ..types import UNSET, Unset
from typing import cast
import datetime

if TYPE_CHECKING:
  from ..models.lineage_body_type_1_item_job import LineageBodyType1ItemJob
  from ..models.lineage_body_type_1_item_run import LineageBodyType1ItemRun





T = TypeVar("T", bound="LineageBodyType1Item")



@_attrs_define
class LineageBodyType1Item:
    """ An OpenLineage RunEvent. CHM ignores facets that it does not use.

        Attributes:
            event_time (datetime.datetime):
            run (LineageBodyType1ItemRun):
            job (LineageBodyType1ItemJob):
            event_type (LineageEventType | Unset):
            producer (str | Unset):
     """

    event_time: datetime.datetime
    run: LineageBodyType1ItemRun
    job: LineageBodyType1ItemJob
    event_type: LineageEventType | Unset = UNSET
    producer: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.lineage_body_type_1_item_job import LineageBodyType1ItemJob # noqa: PLC0415
        from ..models.lineage_body_type_1_item_run import LineageBodyType1ItemRun # noqa: PLC0415
        event_time = self.event_time.isoformat()

        run = self.run.to_dict()

        job = self.job.to_dict()

        event_type: str | Unset = UNSET
        if not isinstance(self.event_type, Unset):
            event_type = self.event_type


        producer = self.producer


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "eventTime": event_time,
            "run": run,
            "job": job,
        })
        if event_type is not UNSET:
            field_dict["eventType"] = event_type
        if producer is not UNSET:
            field_dict["producer"] = producer

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.lineage_body_type_1_item_job import LineageBodyType1ItemJob # noqa: PLC0415
        from ..models.lineage_body_type_1_item_run import LineageBodyType1ItemRun # noqa: PLC0415
        d = dict(src_dict)
        event_time = datetime.datetime.fromisoformat(d.pop("eventTime"))




        run = LineageBodyType1ItemRun.from_dict(d.pop("run"))




        job = LineageBodyType1ItemJob.from_dict(d.pop("job"))




        _event_type = d.pop("eventType", UNSET)
        event_type: LineageEventType | Unset
        if isinstance(_event_type,  Unset):
            event_type = UNSET
        else:
            event_type = check_lineage_event_type(_event_type)




        producer = d.pop("producer", UNSET)

        lineage_body_type_1_item = cls(
            event_time=event_time,
            run=run,
            job=job,
            event_type=event_type,
            producer=producer,
        )


        lineage_body_type_1_item.additional_properties = d
        return lineage_body_type_1_item

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
