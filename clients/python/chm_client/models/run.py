from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.run_status import check_run_status
from ..models.run_status import RunStatus
from typing import cast
from uuid import UUID
import datetime

if TYPE_CHECKING:
  from ..models.run_payload_type_0 import RunPayloadType0





T = TypeVar("T", bound="Run")



@_attrs_define
class Run:
    """ A run of a pipeline in the latest state that its source reported.

        Attributes:
            id (UUID): UUID version 7.
            pipeline_id (UUID): Pipeline of the run.
            external_run_id (str): The id of the run at its source. It is unique within the pipeline.
            status (RunStatus):
            started_at (datetime.datetime | None): When the run started, according to the source.
            finished_at (datetime.datetime | None): When the run ended, according to the source.
            duration_seconds (int | None): Duration in whole seconds: the value of the source, or `finished_at` minus
                `started_at`.
            rows_processed (int | None): Rows that the run processed, according to the source.
            error_message (None | str): Why the run failed, without secrets.
            status_reason (None | str): Details of the status, and what CHM corrected in the response of the source.
            payload (None | RunPayloadType0): Response of the source about the run, without secrets.
            source_url (None | str): The run's page at its source; null if unknown.
            source_updated_at (datetime.datetime | None): When the source last changed the run, or when CHM requested it. A
                write with an earlier time does not replace the run.
            ingested_at (datetime.datetime): When CHM last stored a change of the run.
            event_at (datetime.datetime): When the run happened: its end; without an end its start; without both the time at
                which CHM stored it.
            created_at (datetime.datetime): When CHM stored the row.
            updated_at (datetime.datetime): When the stored run last changed.
     """

    id: UUID
    pipeline_id: UUID
    external_run_id: str
    status: RunStatus
    started_at: datetime.datetime | None
    finished_at: datetime.datetime | None
    duration_seconds: int | None
    rows_processed: int | None
    error_message: None | str
    status_reason: None | str
    payload: None | RunPayloadType0
    source_url: None | str
    source_updated_at: datetime.datetime | None
    ingested_at: datetime.datetime
    event_at: datetime.datetime
    created_at: datetime.datetime
    updated_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.run_payload_type_0 import RunPayloadType0 # noqa: PLC0415
        id = str(self.id)

        pipeline_id = str(self.pipeline_id)

        external_run_id = self.external_run_id

        status: str = self.status

        started_at: None | str
        if isinstance(self.started_at, datetime.datetime):
            started_at = self.started_at.isoformat()
        else:
            started_at = self.started_at

        finished_at: None | str
        if isinstance(self.finished_at, datetime.datetime):
            finished_at = self.finished_at.isoformat()
        else:
            finished_at = self.finished_at

        duration_seconds: int | None
        duration_seconds = self.duration_seconds

        rows_processed: int | None
        rows_processed = self.rows_processed

        error_message: None | str
        error_message = self.error_message

        status_reason: None | str
        status_reason = self.status_reason

        payload: dict[str, Any] | None
        if isinstance(self.payload, RunPayloadType0):
            payload = self.payload.to_dict()
        else:
            payload = self.payload

        source_url: None | str
        source_url = self.source_url

        source_updated_at: None | str
        if isinstance(self.source_updated_at, datetime.datetime):
            source_updated_at = self.source_updated_at.isoformat()
        else:
            source_updated_at = self.source_updated_at

        ingested_at = self.ingested_at.isoformat()

        event_at = self.event_at.isoformat()

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "id": id,
            "pipeline_id": pipeline_id,
            "external_run_id": external_run_id,
            "status": status,
            "started_at": started_at,
            "finished_at": finished_at,
            "duration_seconds": duration_seconds,
            "rows_processed": rows_processed,
            "error_message": error_message,
            "status_reason": status_reason,
            "payload": payload,
            "source_url": source_url,
            "source_updated_at": source_updated_at,
            "ingested_at": ingested_at,
            "event_at": event_at,
            "created_at": created_at,
            "updated_at": updated_at,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.run_payload_type_0 import RunPayloadType0 # noqa: PLC0415
        d = dict(src_dict)
        id = UUID(d.pop("id"))




        pipeline_id = UUID(d.pop("pipeline_id"))




        external_run_id = d.pop("external_run_id")

        status = check_run_status(d.pop("status"))




        def _parse_started_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                started_at_type_0 = datetime.datetime.fromisoformat(data)



                return started_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        started_at = _parse_started_at(d.pop("started_at"))


        def _parse_finished_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                finished_at_type_0 = datetime.datetime.fromisoformat(data)



                return finished_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        finished_at = _parse_finished_at(d.pop("finished_at"))


        def _parse_duration_seconds(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        duration_seconds = _parse_duration_seconds(d.pop("duration_seconds"))


        def _parse_rows_processed(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        rows_processed = _parse_rows_processed(d.pop("rows_processed"))


        def _parse_error_message(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        error_message = _parse_error_message(d.pop("error_message"))


        def _parse_status_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        status_reason = _parse_status_reason(d.pop("status_reason"))


        def _parse_payload(data: object) -> None | RunPayloadType0:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                payload_type_0 = RunPayloadType0.from_dict(data)



                return payload_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | RunPayloadType0, data)

        payload = _parse_payload(d.pop("payload"))


        def _parse_source_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        source_url = _parse_source_url(d.pop("source_url"))


        def _parse_source_updated_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                source_updated_at_type_0 = datetime.datetime.fromisoformat(data)



                return source_updated_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        source_updated_at = _parse_source_updated_at(d.pop("source_updated_at"))


        ingested_at = datetime.datetime.fromisoformat(d.pop("ingested_at"))




        event_at = datetime.datetime.fromisoformat(d.pop("event_at"))




        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))




        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))




        run = cls(
            id=id,
            pipeline_id=pipeline_id,
            external_run_id=external_run_id,
            status=status,
            started_at=started_at,
            finished_at=finished_at,
            duration_seconds=duration_seconds,
            rows_processed=rows_processed,
            error_message=error_message,
            status_reason=status_reason,
            payload=payload,
            source_url=source_url,
            source_updated_at=source_updated_at,
            ingested_at=ingested_at,
            event_at=event_at,
            created_at=created_at,
            updated_at=updated_at,
        )


        run.additional_properties = d
        return run

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
