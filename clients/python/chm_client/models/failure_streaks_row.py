from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="FailureStreaksRow")



@_attrs_define
class FailureStreaksRow:
    """ 
        Attributes:
            client_name (str): Name of the client
            pipeline_name (str): Name of the pipeline
            platform (str): Kind of orchestrator
            began_at (datetime.datetime): When the first failed run of the streak happened; this can be before `since`
            recovered_at (datetime.datetime | None): When the next success happened; null: no success before `until`
            failed_runs (int): Number of failed runs of the streak before `until`
            error_message (None | str): Error of the first failed run
            client_id (UUID): Key of the client
            pipeline_id (UUID): Key of the pipeline
            run_id (UUID): Key of the first failed run
     """

    client_name: str
    pipeline_name: str
    platform: str
    began_at: datetime.datetime
    recovered_at: datetime.datetime | None
    failed_runs: int
    error_message: None | str
    client_id: UUID
    pipeline_id: UUID
    run_id: UUID
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        client_name = self.client_name

        pipeline_name = self.pipeline_name

        platform = self.platform

        began_at = self.began_at.isoformat()

        recovered_at: None | str
        if isinstance(self.recovered_at, datetime.datetime):
            recovered_at = self.recovered_at.isoformat()
        else:
            recovered_at = self.recovered_at

        failed_runs = self.failed_runs

        error_message: None | str
        error_message = self.error_message

        client_id = str(self.client_id)

        pipeline_id = str(self.pipeline_id)

        run_id = str(self.run_id)


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "client_name": client_name,
            "pipeline_name": pipeline_name,
            "platform": platform,
            "began_at": began_at,
            "recovered_at": recovered_at,
            "failed_runs": failed_runs,
            "error_message": error_message,
            "client_id": client_id,
            "pipeline_id": pipeline_id,
            "run_id": run_id,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        client_name = d.pop("client_name")

        pipeline_name = d.pop("pipeline_name")

        platform = d.pop("platform")

        began_at = datetime.datetime.fromisoformat(d.pop("began_at"))




        def _parse_recovered_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                recovered_at_type_0 = datetime.datetime.fromisoformat(data)



                return recovered_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        recovered_at = _parse_recovered_at(d.pop("recovered_at"))


        failed_runs = d.pop("failed_runs")

        def _parse_error_message(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        error_message = _parse_error_message(d.pop("error_message"))


        client_id = UUID(d.pop("client_id"))




        pipeline_id = UUID(d.pop("pipeline_id"))




        run_id = UUID(d.pop("run_id"))




        failure_streaks_row = cls(
            client_name=client_name,
            pipeline_name=pipeline_name,
            platform=platform,
            began_at=began_at,
            recovered_at=recovered_at,
            failed_runs=failed_runs,
            error_message=error_message,
            client_id=client_id,
            pipeline_id=pipeline_id,
            run_id=run_id,
        )


        failure_streaks_row.additional_properties = d
        return failure_streaks_row

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
