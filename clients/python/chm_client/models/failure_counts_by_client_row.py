from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from uuid import UUID






T = TypeVar("T", bound="FailureCountsByClientRow")



@_attrs_define
class FailureCountsByClientRow:
    """ 
        Attributes:
            client_id (UUID): Key of the client
            client_name (str): Name of the client
            failed_24h (int): Failed runs in the 24 hours before `as_of`
            failed_7d (int): Failed runs in the 7 days before `as_of`
     """

    client_id: UUID
    client_name: str
    failed_24h: int
    failed_7d: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        client_id = str(self.client_id)

        client_name = self.client_name

        failed_24h = self.failed_24h

        failed_7d = self.failed_7d


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "client_id": client_id,
            "client_name": client_name,
            "failed_24h": failed_24h,
            "failed_7d": failed_7d,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        client_id = UUID(d.pop("client_id"))




        client_name = d.pop("client_name")

        failed_24h = d.pop("failed_24h")

        failed_7d = d.pop("failed_7d")

        failure_counts_by_client_row = cls(
            client_id=client_id,
            client_name=client_name,
            failed_24h=failed_24h,
            failed_7d=failed_7d,
        )


        failure_counts_by_client_row.additional_properties = d
        return failure_counts_by_client_row

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
