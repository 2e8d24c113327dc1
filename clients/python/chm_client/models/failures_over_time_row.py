from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
import datetime






T = TypeVar("T", bound="FailuresOverTimeRow")



@_attrs_define
class FailuresOverTimeRow:
    """ 
        Attributes:
            ts_bucket (datetime.datetime): Start of the bucket, UTC; a week starts on Monday
            failed_runs (int): Failed runs in this bucket
     """

    ts_bucket: datetime.datetime
    failed_runs: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        ts_bucket = self.ts_bucket.isoformat()

        failed_runs = self.failed_runs


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "ts_bucket": ts_bucket,
            "failed_runs": failed_runs,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        ts_bucket = datetime.datetime.fromisoformat(d.pop("ts_bucket"))




        failed_runs = d.pop("failed_runs")

        failures_over_time_row = cls(
            ts_bucket=ts_bucket,
            failed_runs=failed_runs,
        )


        failures_over_time_row.additional_properties = d
        return failures_over_time_row

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
