from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset







T = TypeVar("T", bound="RunDurationDistributionRow")



@_attrs_define
class RunDurationDistributionRow:
    """ 
        Attributes:
            duration_bucket (int): Number of the bucket. Buckets 1 to `bucket_count` have the same width and end at
                `max_duration_seconds`, exclusive; `bucket_count` + 1 has all other runs
            run_count (int): Number of runs with a duration in this bucket
     """

    duration_bucket: int
    run_count: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        duration_bucket = self.duration_bucket

        run_count = self.run_count


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "duration_bucket": duration_bucket,
            "run_count": run_count,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        duration_bucket = d.pop("duration_bucket")

        run_count = d.pop("run_count")

        run_duration_distribution_row = cls(
            duration_bucket=duration_bucket,
            run_count=run_count,
        )


        run_duration_distribution_row.additional_properties = d
        return run_duration_distribution_row

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
