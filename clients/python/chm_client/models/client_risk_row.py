from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID






T = TypeVar("T", bound="ClientRiskRow")



@_attrs_define
class ClientRiskRow:
    """ 
        Attributes:
            client_name (str): Name of the client
            failed_7d (int): Failed runs in the 7 days before `as_of`
            runs_7d (int): All runs in these 7 days
            failure_rate_7d (float | None): Failed ÷ all runs, to 4 places; null without runs
            client_id (UUID): Key of the client
     """

    client_name: str
    failed_7d: int
    runs_7d: int
    failure_rate_7d: float | None
    client_id: UUID
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        client_name = self.client_name

        failed_7d = self.failed_7d

        runs_7d = self.runs_7d

        failure_rate_7d: float | None
        failure_rate_7d = self.failure_rate_7d

        client_id = str(self.client_id)


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "client_name": client_name,
            "failed_7d": failed_7d,
            "runs_7d": runs_7d,
            "failure_rate_7d": failure_rate_7d,
            "client_id": client_id,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        client_name = d.pop("client_name")

        failed_7d = d.pop("failed_7d")

        runs_7d = d.pop("runs_7d")

        def _parse_failure_rate_7d(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        failure_rate_7d = _parse_failure_rate_7d(d.pop("failure_rate_7d"))


        client_id = UUID(d.pop("client_id"))




        client_risk_row = cls(
            client_name=client_name,
            failed_7d=failed_7d,
            runs_7d=runs_7d,
            failure_rate_7d=failure_rate_7d,
            client_id=client_id,
        )


        client_risk_row.additional_properties = d
        return client_risk_row

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
