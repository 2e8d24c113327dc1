from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset







T = TypeVar("T", bound="FailureRateByPlatformRow")



@_attrs_define
class FailureRateByPlatformRow:
    """ 
        Attributes:
            platform (str): Kind of orchestrator
            failures (int): Failed runs
            total_runs (int): All runs
            failure_rate (float): Failed ÷ all runs, to 4 places
     """

    platform: str
    failures: int
    total_runs: int
    failure_rate: float
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        platform = self.platform

        failures = self.failures

        total_runs = self.total_runs

        failure_rate = self.failure_rate


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "platform": platform,
            "failures": failures,
            "total_runs": total_runs,
            "failure_rate": failure_rate,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        platform = d.pop("platform")

        failures = d.pop("failures")

        total_runs = d.pop("total_runs")

        failure_rate = d.pop("failure_rate")

        failure_rate_by_platform_row = cls(
            platform=platform,
            failures=failures,
            total_runs=total_runs,
            failure_rate=failure_rate,
        )


        failure_rate_by_platform_row.additional_properties = d
        return failure_rate_by_platform_row

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
