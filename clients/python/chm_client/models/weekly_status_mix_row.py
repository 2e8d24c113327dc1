from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
import datetime






T = TypeVar("T", bound="WeeklyStatusMixRow")



@_attrs_define
class WeeklyStatusMixRow:
    """ 
        Attributes:
            week_start (datetime.date): Monday of the week, UTC
            status (str): running, success, failed, canceled, skipped
            runs (int): Runs that happened in this week
     """

    week_start: datetime.date
    status: str
    runs: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        week_start = self.week_start.isoformat()

        status = self.status

        runs = self.runs


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "week_start": week_start,
            "status": status,
            "runs": runs,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        week_start = datetime.date.fromisoformat(d.pop("week_start"))




        status = d.pop("status")

        runs = d.pop("runs")

        weekly_status_mix_row = cls(
            week_start=week_start,
            status=status,
            runs=runs,
        )


        weekly_status_mix_row.additional_properties = d
        return weekly_status_mix_row

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
