from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.column_type import check_column_type
from ..models.column_type import ColumnType
from typing import cast






T = TypeVar("T", bound="ReportParameter")



@_attrs_define
class ReportParameter:
    """ 
        Attributes:
            name (str): The name of the query parameter.
            type_ (ColumnType):
            description (str): The effect of the parameter.
            default_value (None | str): The default; null for no restriction.
            choices (list[str]): The allowed values; empty if every value of the type is allowed.
            minimum (int | None): The smallest allowed value; null if the type is not integer.
            maximum (int | None): The largest allowed value; null if the type is not integer.
     """

    name: str
    type_: ColumnType
    description: str
    default_value: None | str
    choices: list[str]
    minimum: int | None
    maximum: int | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        name = self.name

        type_: str = self.type_

        description = self.description

        default_value: None | str
        default_value = self.default_value

        choices = self.choices



        minimum: int | None
        minimum = self.minimum

        maximum: int | None
        maximum = self.maximum


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "name": name,
            "type": type_,
            "description": description,
            "default_value": default_value,
            "choices": choices,
            "minimum": minimum,
            "maximum": maximum,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        type_ = check_column_type(d.pop("type"))




        description = d.pop("description")

        def _parse_default_value(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        default_value = _parse_default_value(d.pop("default_value"))


        choices = cast(list[str], d.pop("choices"))


        def _parse_minimum(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        minimum = _parse_minimum(d.pop("minimum"))


        def _parse_maximum(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        maximum = _parse_maximum(d.pop("maximum"))


        report_parameter = cls(
            name=name,
            type_=type_,
            description=description,
            default_value=default_value,
            choices=choices,
            minimum=minimum,
            maximum=maximum,
        )


        report_parameter.additional_properties = d
        return report_parameter

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
