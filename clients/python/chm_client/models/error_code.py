from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset







T = TypeVar("T", bound="ErrorCode")



@_attrs_define
class ErrorCode:
    """ 
        Attributes:
            status (int): The HTTP status of the response.
            code (str): The value of `error.code`.
            title (str): What it means.
            cause (str): Why it happens.
            remedy (str): What to do.
     """

    status: int
    code: str
    title: str
    cause: str
    remedy: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        status = self.status

        code = self.code

        title = self.title

        cause = self.cause

        remedy = self.remedy


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "status": status,
            "code": code,
            "title": title,
            "cause": cause,
            "remedy": remedy,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        status = d.pop("status")

        code = d.pop("code")

        title = d.pop("title")

        cause = d.pop("cause")

        remedy = d.pop("remedy")

        error_code = cls(
            status=status,
            code=code,
            title=title,
            cause=cause,
            remedy=remedy,
        )


        error_code.additional_properties = d
        return error_code

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
