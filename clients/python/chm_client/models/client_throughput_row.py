from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID






T = TypeVar("T", bound="ClientThroughputRow")



@_attrs_define
class ClientThroughputRow:
    """ 
        Attributes:
            client_name (str): Name of the client
            runs_30d (int): Runs in the 30 days before `as_of`
            total_rows_30d (int): Rows that these runs processed; runs with an unknown number do not count
            avg_rows_per_run (float | None): Mean number of rows of the runs with a known number, to 2 places; null: no
                number is known
            throughput_cv (float | None): Coefficient of variation of the rows per run: population standard deviation ÷
                mean, to 4 places. 0: each run processed the same number of rows; null: the mean is 0 or unknown
            client_id (UUID): Key of the client
     """

    client_name: str
    runs_30d: int
    total_rows_30d: int
    avg_rows_per_run: float | None
    throughput_cv: float | None
    client_id: UUID
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        client_name = self.client_name

        runs_30d = self.runs_30d

        total_rows_30d = self.total_rows_30d

        avg_rows_per_run: float | None
        avg_rows_per_run = self.avg_rows_per_run

        throughput_cv: float | None
        throughput_cv = self.throughput_cv

        client_id = str(self.client_id)


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "client_name": client_name,
            "runs_30d": runs_30d,
            "total_rows_30d": total_rows_30d,
            "avg_rows_per_run": avg_rows_per_run,
            "throughput_cv": throughput_cv,
            "client_id": client_id,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        client_name = d.pop("client_name")

        runs_30d = d.pop("runs_30d")

        total_rows_30d = d.pop("total_rows_30d")

        def _parse_avg_rows_per_run(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        avg_rows_per_run = _parse_avg_rows_per_run(d.pop("avg_rows_per_run"))


        def _parse_throughput_cv(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        throughput_cv = _parse_throughput_cv(d.pop("throughput_cv"))


        client_id = UUID(d.pop("client_id"))




        client_throughput_row = cls(
            client_name=client_name,
            runs_30d=runs_30d,
            total_rows_30d=total_rows_30d,
            avg_rows_per_run=avg_rows_per_run,
            throughput_cv=throughput_cv,
            client_id=client_id,
        )


        client_throughput_row.additional_properties = d
        return client_throughput_row

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
