from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.column_type import check_column_type
from ..models.column_type import ColumnType
from typing import cast






T = TypeVar("T", bound="ReportColumn")



@_attrs_define
class ReportColumn:
    """ 
        Attributes:
            name (str): The name of the column.
            type_ (ColumnType):
            nullable (bool): Whether the column can be null.
            description (str): The content of the column.
     """

    name: str
    type_: ColumnType
    nullable: bool
    description: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        name = self.name

        type_: str = self.type_

        nullable = self.nullable

        description = self.description


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "name": name,
            "type": type_,
            "nullable": nullable,
            "description": description,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        type_ = check_column_type(d.pop("type"))




        nullable = d.pop("nullable")

        description = d.pop("description")

        report_column = cls(
            name=name,
            type_=type_,
            nullable=nullable,
            description=description,
        )


        report_column.additional_properties = d
        return report_column

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
