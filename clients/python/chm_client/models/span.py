from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
import datetime






T = TypeVar("T", bound="Span")



@_attrs_define
class Span:
    """ A span of the requested window in which the rule fired, from `from` until `until`.

        Attributes:
            from_ (datetime.datetime): When the rule began to fire.
            until (datetime.datetime): When the rule stopped firing, or the end of the window.
            failed_runs (int): Number of failed runs that made the rule fire.
     """

    from_: datetime.datetime
    until: datetime.datetime
    failed_runs: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from_ = self.from_.isoformat()

        until = self.until.isoformat()

        failed_runs = self.failed_runs


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "from": from_,
            "until": until,
            "failed_runs": failed_runs,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        from_ = datetime.datetime.fromisoformat(d.pop("from"))




        until = datetime.datetime.fromisoformat(d.pop("until"))




        failed_runs = d.pop("failed_runs")

        span = cls(
            from_=from_,
            until=until,
            failed_runs=failed_runs,
        )


        span.additional_properties = d
        return span

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
