from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast

if TYPE_CHECKING:
  from ..models.reliability_by_environment_row import ReliabilityByEnvironmentRow





T = TypeVar("T", bound="ReliabilityByEnvironmentReport")



@_attrs_define
class ReliabilityByEnvironmentReport:
    """ 
        Attributes:
            items (list[ReliabilityByEnvironmentRow]): The items of this response.
     """

    items: list[ReliabilityByEnvironmentRow]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.reliability_by_environment_row import ReliabilityByEnvironmentRow # noqa: PLC0415
        items = []
        for items_item_data in self.items:
            items_item = items_item_data.to_dict()
            items.append(items_item)




        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "items": items,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.reliability_by_environment_row import ReliabilityByEnvironmentRow # noqa: PLC0415
        d = dict(src_dict)
        items = []
        _items = d.pop("items")
        for items_item_data in (_items):
            items_item = ReliabilityByEnvironmentRow.from_dict(items_item_data)



            items.append(items_item)


        reliability_by_environment_report = cls(
            items=items,
        )


        reliability_by_environment_report.additional_properties = d
        return reliability_by_environment_report

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
