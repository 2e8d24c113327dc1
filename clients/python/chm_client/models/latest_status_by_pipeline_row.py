from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="LatestStatusByPipelineRow")



@_attrs_define
class LatestStatusByPipelineRow:
    """ 
        Attributes:
            client_name (str): Name of the client
            pipeline_name (str): Name of the pipeline
            platform (str): Kind of orchestrator
            latest_status (None | str): Status of the latest run; null: no run yet
            last_run_time (datetime.datetime | None): When that run started; if unknown, when it ended or was stored
            stale_since (datetime.datetime | None): Since when ingestion is overdue; null: not overdue
            client_id (UUID): Key of the client
            pipeline_id (UUID): Key of the pipeline
            run_id (None | UUID): Key of the latest run; null: no run yet
            source_url (None | str): Page of that run at the source; null: unknown
     """

    client_name: str
    pipeline_name: str
    platform: str
    latest_status: None | str
    last_run_time: datetime.datetime | None
    stale_since: datetime.datetime | None
    client_id: UUID
    pipeline_id: UUID
    run_id: None | UUID
    source_url: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        client_name = self.client_name

        pipeline_name = self.pipeline_name

        platform = self.platform

        latest_status: None | str
        latest_status = self.latest_status

        last_run_time: None | str
        if isinstance(self.last_run_time, datetime.datetime):
            last_run_time = self.last_run_time.isoformat()
        else:
            last_run_time = self.last_run_time

        stale_since: None | str
        if isinstance(self.stale_since, datetime.datetime):
            stale_since = self.stale_since.isoformat()
        else:
            stale_since = self.stale_since

        client_id = str(self.client_id)

        pipeline_id = str(self.pipeline_id)

        run_id: None | str
        if isinstance(self.run_id, UUID):
            run_id = str(self.run_id)
        else:
            run_id = self.run_id

        source_url: None | str
        source_url = self.source_url


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "client_name": client_name,
            "pipeline_name": pipeline_name,
            "platform": platform,
            "latest_status": latest_status,
            "last_run_time": last_run_time,
            "stale_since": stale_since,
            "client_id": client_id,
            "pipeline_id": pipeline_id,
            "run_id": run_id,
            "source_url": source_url,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        client_name = d.pop("client_name")

        pipeline_name = d.pop("pipeline_name")

        platform = d.pop("platform")

        def _parse_latest_status(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        latest_status = _parse_latest_status(d.pop("latest_status"))


        def _parse_last_run_time(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                last_run_time_type_0 = datetime.datetime.fromisoformat(data)



                return last_run_time_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        last_run_time = _parse_last_run_time(d.pop("last_run_time"))


        def _parse_stale_since(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                stale_since_type_0 = datetime.datetime.fromisoformat(data)



                return stale_since_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        stale_since = _parse_stale_since(d.pop("stale_since"))


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


        def _parse_source_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        source_url = _parse_source_url(d.pop("source_url"))


        latest_status_by_pipeline_row = cls(
            client_name=client_name,
            pipeline_name=pipeline_name,
            platform=platform,
            latest_status=latest_status,
            last_run_time=last_run_time,
            stale_since=stale_since,
            client_id=client_id,
            pipeline_id=pipeline_id,
            run_id=run_id,
            source_url=source_url,
        )


        latest_status_by_pipeline_row.additional_properties = d
        return latest_status_by_pipeline_row

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
