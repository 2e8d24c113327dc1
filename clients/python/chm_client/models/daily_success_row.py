from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
import datetime






T = TypeVar("T", bound="DailySuccessRow")



@_attrs_define
class DailySuccessRow:
    """ 
        Attributes:
            day (datetime.date): UTC day
            runs (int): Runs that happened on this day
            success (int): Runs that succeeded
            failed (int): Runs that failed
            success_rate (float): Successes ÷ all runs, to 4 places
     """

    day: datetime.date
    runs: int
    success: int
    failed: int
    success_rate: float
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        day = self.day.isoformat()

        runs = self.runs

        success = self.success

        failed = self.failed

        success_rate = self.success_rate


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "day": day,
            "runs": runs,
            "success": success,
            "failed": failed,
            "success_rate": success_rate,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        day = datetime.date.fromisoformat(d.pop("day"))




        runs = d.pop("runs")

        success = d.pop("success")

        failed = d.pop("failed")

        success_rate = d.pop("success_rate")

        daily_success_row = cls(
            day=day,
            runs=runs,
            success=success,
            failed=failed,
            success_rate=success_rate,
        )


        daily_success_row.additional_properties = d
        return daily_success_row

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
