from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.run_status import check_run_status
from ..models.run_status import RunStatus
from ..types import UNSET, Unset
from typing import cast
import datetime

if TYPE_CHECKING:
  from ..models.manual_run_request_payload_type_0 import ManualRunRequestPayloadType0





T = TypeVar("T", bound="ManualRunRequest")



@_attrs_define
class ManualRunRequest:
    """ Fields of a run that a request may set.

        Attributes:
            status (RunStatus):
            started_at (datetime.datetime | None | Unset): When the run started.
            finished_at (datetime.datetime | None | Unset): When the run ended; null while it is running.
            duration_seconds (int | None | Unset): Duration in whole seconds. Default: `finished_at` minus `started_at`.
            rows_processed (int | None | Unset): Rows that the run processed.
            error_message (None | str | Unset): Why the run failed.
            status_reason (None | str | Unset): Details about the status.
            payload (ManualRunRequestPayloadType0 | None | Unset): The source's own data about the run; secrets are removed.
            source_url (None | str | Unset): The run's page at its source, an http:// or https:// address.
            external_run_id (None | str | Unset): The id at the source. If it is omitted, CHM generates one.
     """

    status: RunStatus
    started_at: datetime.datetime | None | Unset = UNSET
    finished_at: datetime.datetime | None | Unset = UNSET
    duration_seconds: int | None | Unset = UNSET
    rows_processed: int | None | Unset = UNSET
    error_message: None | str | Unset = UNSET
    status_reason: None | str | Unset = UNSET
    payload: ManualRunRequestPayloadType0 | None | Unset = UNSET
    source_url: None | str | Unset = UNSET
    external_run_id: None | str | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        from ..models.manual_run_request_payload_type_0 import ManualRunRequestPayloadType0 # noqa: PLC0415
        status: str = self.status

        started_at: None | str | Unset
        if isinstance(self.started_at, Unset):
            started_at = UNSET
        elif isinstance(self.started_at, datetime.datetime):
            started_at = self.started_at.isoformat()
        else:
            started_at = self.started_at

        finished_at: None | str | Unset
        if isinstance(self.finished_at, Unset):
            finished_at = UNSET
        elif isinstance(self.finished_at, datetime.datetime):
            finished_at = self.finished_at.isoformat()
        else:
            finished_at = self.finished_at

        duration_seconds: int | None | Unset
        if isinstance(self.duration_seconds, Unset):
            duration_seconds = UNSET
        else:
            duration_seconds = self.duration_seconds

        rows_processed: int | None | Unset
        if isinstance(self.rows_processed, Unset):
            rows_processed = UNSET
        else:
            rows_processed = self.rows_processed

        error_message: None | str | Unset
        if isinstance(self.error_message, Unset):
            error_message = UNSET
        else:
            error_message = self.error_message

        status_reason: None | str | Unset
        if isinstance(self.status_reason, Unset):
            status_reason = UNSET
        else:
            status_reason = self.status_reason

        payload: dict[str, Any] | None | Unset
        if isinstance(self.payload, Unset):
            payload = UNSET
        elif isinstance(self.payload, ManualRunRequestPayloadType0):
            payload = self.payload.to_dict()
        else:
            payload = self.payload

        source_url: None | str | Unset
        if isinstance(self.source_url, Unset):
            source_url = UNSET
        else:
            source_url = self.source_url

        external_run_id: None | str | Unset
        if isinstance(self.external_run_id, Unset):
            external_run_id = UNSET
        else:
            external_run_id = self.external_run_id


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "status": status,
        })
        if started_at is not UNSET:
            field_dict["started_at"] = started_at
        if finished_at is not UNSET:
            field_dict["finished_at"] = finished_at
        if duration_seconds is not UNSET:
            field_dict["duration_seconds"] = duration_seconds
        if rows_processed is not UNSET:
            field_dict["rows_processed"] = rows_processed
        if error_message is not UNSET:
            field_dict["error_message"] = error_message
        if status_reason is not UNSET:
            field_dict["status_reason"] = status_reason
        if payload is not UNSET:
            field_dict["payload"] = payload
        if source_url is not UNSET:
            field_dict["source_url"] = source_url
        if external_run_id is not UNSET:
            field_dict["external_run_id"] = external_run_id

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.manual_run_request_payload_type_0 import ManualRunRequestPayloadType0 # noqa: PLC0415
        d = dict(src_dict)
        status = check_run_status(d.pop("status"))




        def _parse_started_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                started_at_type_0 = datetime.datetime.fromisoformat(data)



                return started_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        started_at = _parse_started_at(d.pop("started_at", UNSET))


        def _parse_finished_at(data: object) -> datetime.datetime | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                finished_at_type_0 = datetime.datetime.fromisoformat(data)



                return finished_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None | Unset, data)

        finished_at = _parse_finished_at(d.pop("finished_at", UNSET))


        def _parse_duration_seconds(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        duration_seconds = _parse_duration_seconds(d.pop("duration_seconds", UNSET))


        def _parse_rows_processed(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        rows_processed = _parse_rows_processed(d.pop("rows_processed", UNSET))


        def _parse_error_message(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        error_message = _parse_error_message(d.pop("error_message", UNSET))


        def _parse_status_reason(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        status_reason = _parse_status_reason(d.pop("status_reason", UNSET))


        def _parse_payload(data: object) -> ManualRunRequestPayloadType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                payload_type_0 = ManualRunRequestPayloadType0.from_dict(data)



                return payload_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ManualRunRequestPayloadType0 | None | Unset, data)

        payload = _parse_payload(d.pop("payload", UNSET))


        def _parse_source_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        source_url = _parse_source_url(d.pop("source_url", UNSET))


        def _parse_external_run_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        external_run_id = _parse_external_run_id(d.pop("external_run_id", UNSET))


        manual_run_request = cls(
            status=status,
            started_at=started_at,
            finished_at=finished_at,
            duration_seconds=duration_seconds,
            rows_processed=rows_processed,
            error_message=error_message,
            status_reason=status_reason,
            payload=payload,
            source_url=source_url,
            external_run_id=external_run_id,
        )

        return manual_run_request

