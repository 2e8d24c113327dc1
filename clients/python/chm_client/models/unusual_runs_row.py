from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="UnusualRunsRow")



@_attrs_define
class UnusualRunsRow:
    """ 
        Attributes:
            client_name (str): Name of the client
            pipeline_name (str): Name of the pipeline
            platform (str): Kind of orchestrator
            environment (str): Where the pipeline runs
            event_at (datetime.datetime): When the run succeeded
            unusual (str): slow, quick, many rows, few rows or no rows; a comma separates two values
            duration_seconds (int | None): Duration in whole seconds
            usual_duration_seconds (int | None): Median duration of the successes before the run
            rows_processed (int | None): Rows that the run processed
            usual_rows (int | None): Median number of rows of the successes before the run
            client_id (UUID): Key of the client
            pipeline_id (UUID): Key of the pipeline
            run_id (UUID): Key of the run
            source_url (None | str): Page of the run at the source; null: unknown
     """

    client_name: str
    pipeline_name: str
    platform: str
    environment: str
    event_at: datetime.datetime
    unusual: str
    duration_seconds: int | None
    usual_duration_seconds: int | None
    rows_processed: int | None
    usual_rows: int | None
    client_id: UUID
    pipeline_id: UUID
    run_id: UUID
    source_url: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        client_name = self.client_name

        pipeline_name = self.pipeline_name

        platform = self.platform

        environment = self.environment

        event_at = self.event_at.isoformat()

        unusual = self.unusual

        duration_seconds: int | None
        duration_seconds = self.duration_seconds

        usual_duration_seconds: int | None
        usual_duration_seconds = self.usual_duration_seconds

        rows_processed: int | None
        rows_processed = self.rows_processed

        usual_rows: int | None
        usual_rows = self.usual_rows

        client_id = str(self.client_id)

        pipeline_id = str(self.pipeline_id)

        run_id = str(self.run_id)

        source_url: None | str
        source_url = self.source_url


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "client_name": client_name,
            "pipeline_name": pipeline_name,
            "platform": platform,
            "environment": environment,
            "event_at": event_at,
            "unusual": unusual,
            "duration_seconds": duration_seconds,
            "usual_duration_seconds": usual_duration_seconds,
            "rows_processed": rows_processed,
            "usual_rows": usual_rows,
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

        environment = d.pop("environment")

        event_at = datetime.datetime.fromisoformat(d.pop("event_at"))




        unusual = d.pop("unusual")

        def _parse_duration_seconds(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        duration_seconds = _parse_duration_seconds(d.pop("duration_seconds"))


        def _parse_usual_duration_seconds(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        usual_duration_seconds = _parse_usual_duration_seconds(d.pop("usual_duration_seconds"))


        def _parse_rows_processed(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        rows_processed = _parse_rows_processed(d.pop("rows_processed"))


        def _parse_usual_rows(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        usual_rows = _parse_usual_rows(d.pop("usual_rows"))


        client_id = UUID(d.pop("client_id"))




        pipeline_id = UUID(d.pop("pipeline_id"))




        run_id = UUID(d.pop("run_id"))




        def _parse_source_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        source_url = _parse_source_url(d.pop("source_url"))


        unusual_runs_row = cls(
            client_name=client_name,
            pipeline_name=pipeline_name,
            platform=platform,
            environment=environment,
            event_at=event_at,
            unusual=unusual,
            duration_seconds=duration_seconds,
            usual_duration_seconds=usual_duration_seconds,
            rows_processed=rows_processed,
            usual_rows=usual_rows,
            client_id=client_id,
            pipeline_id=pipeline_id,
            run_id=run_id,
            source_url=source_url,
        )


        unusual_runs_row.additional_properties = d
        return unusual_runs_row

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
