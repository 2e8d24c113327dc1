from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset







T = TypeVar("T", bound="StatusCounts")



@_attrs_define
class StatusCounts:
    """ 
        Attributes:
            running (int): Runs that have not ended.
            success (int): Successful runs.
            failed (int): Failed runs.
            canceled (int): Runs that a person stopped or that no longer exist at their source.
            skipped (int): Runs that their source skipped.
     """

    running: int
    success: int
    failed: int
    canceled: int
    skipped: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        running = self.running

        success = self.success

        failed = self.failed

        canceled = self.canceled

        skipped = self.skipped


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "running": running,
            "success": success,
            "failed": failed,
            "canceled": canceled,
            "skipped": skipped,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        running = d.pop("running")

        success = d.pop("success")

        failed = d.pop("failed")

        canceled = d.pop("canceled")

        skipped = d.pop("skipped")

        status_counts = cls(
            running=running,
            success=success,
            failed=failed,
            canceled=canceled,
            skipped=skipped,
        )


        status_counts.additional_properties = d
        return status_counts

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
