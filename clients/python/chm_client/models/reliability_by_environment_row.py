from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset







T = TypeVar("T", bound="ReliabilityByEnvironmentRow")



@_attrs_define
class ReliabilityByEnvironmentRow:
    """ 
        Attributes:
            environment (str): dev, staging, prod
            failed_30d (int): Failed runs in the 30 days before `as_of`
            runs_30d (int): All runs in these 30 days
            failure_rate_30d (float): Failed ÷ all runs, to 4 places
     """

    environment: str
    failed_30d: int
    runs_30d: int
    failure_rate_30d: float
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        environment = self.environment

        failed_30d = self.failed_30d

        runs_30d = self.runs_30d

        failure_rate_30d = self.failure_rate_30d


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "environment": environment,
            "failed_30d": failed_30d,
            "runs_30d": runs_30d,
            "failure_rate_30d": failure_rate_30d,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        environment = d.pop("environment")

        failed_30d = d.pop("failed_30d")

        runs_30d = d.pop("runs_30d")

        failure_rate_30d = d.pop("failure_rate_30d")

        reliability_by_environment_row = cls(
            environment=environment,
            failed_30d=failed_30d,
            runs_30d=runs_30d,
            failure_rate_30d=failure_rate_30d,
        )


        reliability_by_environment_row.additional_properties = d
        return reliability_by_environment_row

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
