from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="FreshnessWatchlistRow")



@_attrs_define
class FreshnessWatchlistRow:
    """ 
        Attributes:
            client_name (str): Name of the client
            pipeline_name (str): Name of the pipeline
            platform (str): Kind of orchestrator
            environment (str): Where the pipeline runs
            last_run_at (datetime.datetime | None): When the latest run started; if unknown, when it ended or was stored;
                null: no run
            last_success_at (datetime.datetime | None): When the last success happened; null: never
            hours_since_success (float | None): Hours from `last_success_at` to `as_of`, to 1 place; null: never
            client_id (UUID): Key of the client
            pipeline_id (UUID): Key of the pipeline
            run_id (None | UUID): Key of the latest run; null: no run
     """

    client_name: str
    pipeline_name: str
    platform: str
    environment: str
    last_run_at: datetime.datetime | None
    last_success_at: datetime.datetime | None
    hours_since_success: float | None
    client_id: UUID
    pipeline_id: UUID
    run_id: None | UUID
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        client_name = self.client_name

        pipeline_name = self.pipeline_name

        platform = self.platform

        environment = self.environment

        last_run_at: None | str
        if isinstance(self.last_run_at, datetime.datetime):
            last_run_at = self.last_run_at.isoformat()
        else:
            last_run_at = self.last_run_at

        last_success_at: None | str
        if isinstance(self.last_success_at, datetime.datetime):
            last_success_at = self.last_success_at.isoformat()
        else:
            last_success_at = self.last_success_at

        hours_since_success: float | None
        hours_since_success = self.hours_since_success

        client_id = str(self.client_id)

        pipeline_id = str(self.pipeline_id)

        run_id: None | str
        if isinstance(self.run_id, UUID):
            run_id = str(self.run_id)
        else:
            run_id = self.run_id


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "client_name": client_name,
            "pipeline_name": pipeline_name,
            "platform": platform,
            "environment": environment,
            "last_run_at": last_run_at,
            "last_success_at": last_success_at,
            "hours_since_success": hours_since_success,
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

        environment = d.pop("environment")

        def _parse_last_run_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                last_run_at_type_0 = datetime.datetime.fromisoformat(data)



                return last_run_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        last_run_at = _parse_last_run_at(d.pop("last_run_at"))


        def _parse_last_success_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                last_success_at_type_0 = datetime.datetime.fromisoformat(data)



                return last_success_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        last_success_at = _parse_last_success_at(d.pop("last_success_at"))


        def _parse_hours_since_success(data: object) -> float | None:
            if data is None:
                return data
            return cast(float | None, data)

        hours_since_success = _parse_hours_since_success(d.pop("hours_since_success"))


        client_id = UUID(d.pop("client_id"))




        pipeline_id = UUID(d.pop("pipeline_id"))




        def _parse_run_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                run_id_type_0 = UUID(data)



                return run_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        run_id = _parse_run_id(d.pop("run_id"))


        freshness_watchlist_row = cls(
            client_name=client_name,
            pipeline_name=pipeline_name,
            platform=platform,
            environment=environment,
            last_run_at=last_run_at,
            last_success_at=last_success_at,
            hours_since_success=hours_since_success,
            client_id=client_id,
            pipeline_id=pipeline_id,
            run_id=run_id,
        )


        freshness_watchlist_row.additional_properties = d
        return freshness_watchlist_row

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
