from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast






T = TypeVar("T", bound="VendorDependencyRow")



@_attrs_define
class VendorDependencyRow:
    """ 
        Attributes:
            platform_group (str): `vendor_api`, `other_platforms`
            failed_30d (int): Failed runs in the 30 days before `as_of`
            runs_30d (int): All runs in these 30 days
            failure_rate_30d (float | None): Failed ÷ all runs, to 4 places; null without runs
     """

    platform_group: str
    failed_30d: int
    runs_30d: int
    failure_rate_30d: float | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        platform_group = self.platform_group

        failed_30d = self.failed_30d

        runs_30d = self.runs_30d

        failure_rate_30d: float | None
        failure_rate_30d = self.failure_rate_30d


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "platform_group": platform_group,
            "failed_30d": failed_30d,
            "runs_30d": runs_30d,
            "failure_rate_30d": failure_rate_30d,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        platform_group = d.pop("platform_group")

        failed_30d = d.pop("failed_30d")

        runs_30d = d.pop("runs_30d")

        def _parse_failure_rate_30d(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        failure_rate_30d = _parse_failure_rate_30d(d.pop("failure_rate_30d"))


        vendor_dependency_row = cls(
            platform_group=platform_group,
            failed_30d=failed_30d,
            runs_30d=runs_30d,
            failure_rate_30d=failure_rate_30d,
        )


        vendor_dependency_row.additional_properties = d
        return vendor_dependency_row

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
