from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="WeeklySuccessByClientRow")



@_attrs_define
class WeeklySuccessByClientRow:
    """ 
        Attributes:
            client_name (str): Name of the client
            week_start (datetime.date): Monday of the week, UTC
            runs (int): Runs that happened in this week
            success_rate (float): Successes ÷ all runs, to 4 places
            change_from_previous_week (float | None): Difference from the week before, to 4 places; null: no runs in that
                week
            client_id (UUID): Key of the client
     """

    client_name: str
    week_start: datetime.date
    runs: int
    success_rate: float
    change_from_previous_week: float | None
    client_id: UUID
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        client_name = self.client_name

        week_start = self.week_start.isoformat()

        runs = self.runs

        success_rate = self.success_rate

        change_from_previous_week: float | None
        change_from_previous_week = self.change_from_previous_week

        client_id = str(self.client_id)


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "client_name": client_name,
            "week_start": week_start,
            "runs": runs,
            "success_rate": success_rate,
            "change_from_previous_week": change_from_previous_week,
            "client_id": client_id,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        client_name = d.pop("client_name")

        week_start = datetime.date.fromisoformat(d.pop("week_start"))




        runs = d.pop("runs")

        success_rate = d.pop("success_rate")

        def _parse_change_from_previous_week(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        change_from_previous_week = _parse_change_from_previous_week(d.pop("change_from_previous_week"))


        client_id = UUID(d.pop("client_id"))




        weekly_success_by_client_row = cls(
            client_name=client_name,
            week_start=week_start,
            runs=runs,
            success_rate=success_rate,
            change_from_previous_week=change_from_previous_week,
            client_id=client_id,
        )


        weekly_success_by_client_row.additional_properties = d
        return weekly_success_by_client_row

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
