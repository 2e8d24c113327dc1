from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="ChangesSinceYesterdayRow")



@_attrs_define
class ChangesSinceYesterdayRow:
    """ 
        Attributes:
            client_name (str): Name of the client
            pipeline_name (str): Name of the pipeline
            platform (str): Kind of orchestrator
            status_then (None | str): Latest decisive status at `since`; null: no run had succeeded or failed until then
            status_now (str): Latest decisive status at `as_of`
            changed_at (datetime.datetime): When the first run of the current status happened
            change (str): `newly_failing`, `recovered`, `first_failure` or `first_success`
            client_id (UUID): Key of the client
            pipeline_id (UUID): Key of the pipeline
            run_id (UUID): Key of the first run of the current status
            source_url (None | str): Page of that run at the source; null: unknown
     """

    client_name: str
    pipeline_name: str
    platform: str
    status_then: None | str
    status_now: str
    changed_at: datetime.datetime
    change: str
    client_id: UUID
    pipeline_id: UUID
    run_id: UUID
    source_url: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        client_name = self.client_name

        pipeline_name = self.pipeline_name

        platform = self.platform

        status_then: None | str
        status_then = self.status_then

        status_now = self.status_now

        changed_at = self.changed_at.isoformat()

        change = self.change

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
            "status_then": status_then,
            "status_now": status_now,
            "changed_at": changed_at,
            "change": change,
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

        def _parse_status_then(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        status_then = _parse_status_then(d.pop("status_then"))


        status_now = d.pop("status_now")

        changed_at = datetime.datetime.fromisoformat(d.pop("changed_at"))




        change = d.pop("change")

        client_id = UUID(d.pop("client_id"))




        pipeline_id = UUID(d.pop("pipeline_id"))




        run_id = UUID(d.pop("run_id"))




        def _parse_source_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        source_url = _parse_source_url(d.pop("source_url"))


        changes_since_yesterday_row = cls(
            client_name=client_name,
            pipeline_name=pipeline_name,
            platform=platform,
            status_then=status_then,
            status_now=status_now,
            changed_at=changed_at,
            change=change,
            client_id=client_id,
            pipeline_id=pipeline_id,
            run_id=run_id,
            source_url=source_url,
        )


        changes_since_yesterday_row.additional_properties = d
        return changes_since_yesterday_row

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
