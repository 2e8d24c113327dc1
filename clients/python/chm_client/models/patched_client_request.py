from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="PatchedClientRequest")



@_attrs_define
class PatchedClientRequest:
    """ A client of the consultancy.

        Attributes:
            name (str | Unset): Name of the client; unique, ignoring upper and lower case.
            is_active (bool | Unset): If this is false, the client is disabled: CHM keeps its history, but reads no runs.
     """

    name: str | Unset = UNSET
    is_active: bool | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        name = self.name

        is_active = self.is_active


        field_dict: dict[str, Any] = {}

        field_dict.update({
        })
        if name is not UNSET:
            field_dict["name"] = name
        if is_active is not UNSET:
            field_dict["is_active"] = is_active

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name", UNSET)

        is_active = d.pop("is_active", UNSET)

        patched_client_request = cls(
            name=name,
            is_active=is_active,
        )

        return patched_client_request

