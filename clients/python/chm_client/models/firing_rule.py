from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.alert_channel import AlertChannel
from ..models.alert_channel import check_alert_channel
from ..models.rule_type import check_rule_type
from ..models.rule_type import RuleType
from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="FiringRule")



@_attrs_define
class FiringRule:
    """ A firing rule, with the time since when it fires, and the owner and the runbook of its pipeline.

        Attributes:
            id (UUID): UUID version 7.
            client_id (None | UUID): A rule without `pipeline_id` watches all active pipelines of this client.
            pipeline_id (None | UUID): The rule watches only this pipeline.
            rule_type (RuleType):
            threshold (int | None): For `failures_in_window`: the rule fires if at least this many runs fail in the window.
            window_minutes (int | None): For `failures_in_window`: the length of the window in minutes.
            channel (AlertChannel):
            destination (str): For `slack`, a channel such as #data-alerts or the https address of a hook; for `email`, an
                e-mail address; for `webhook`, an https address. Responses show only the host of an https address. If you send
                the address in this masked form, CHM keeps the stored address.
            is_enabled (bool): If this is false, CHM keeps the rule, but the rule never fires.
            include_known (bool): If this is false, the rule ignores pipelines whose failure is known, and pipelines that
                failed in planned maintenance.
            created_at (datetime.datetime): When CHM stored the row.
            updated_at (datetime.datetime): When the rule last changed.
            since (datetime.datetime): Since when the rule fires. For `on_failure`: when the first of its failing pipelines
                began to fail. For `failures_in_window`: the time of the oldest failure in the window.
            fingerprint (str): A short text that identifies the rule. It is the same each time the rule fires.
            owner (None | str): Owner of the rule's pipeline, from the file of CHM_MAINTENANCE_FILE. Null if the file
                contains none, or if the rule watches a client.
            runbook_url (None | str): Runbook of the rule's pipeline, from the file of CHM_MAINTENANCE_FILE. Null if the
                file contains none, or if the rule watches a client.
     """

    id: UUID
    client_id: None | UUID
    pipeline_id: None | UUID
    rule_type: RuleType
    threshold: int | None
    window_minutes: int | None
    channel: AlertChannel
    destination: str
    is_enabled: bool
    include_known: bool
    created_at: datetime.datetime
    updated_at: datetime.datetime
    since: datetime.datetime
    fingerprint: str
    owner: None | str
    runbook_url: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        client_id: None | str
        if isinstance(self.client_id, UUID):
            client_id = str(self.client_id)
        else:
            client_id = self.client_id

        pipeline_id: None | str
        if isinstance(self.pipeline_id, UUID):
            pipeline_id = str(self.pipeline_id)
        else:
            pipeline_id = self.pipeline_id

        rule_type: str = self.rule_type

        threshold: int | None
        threshold = self.threshold

        window_minutes: int | None
        window_minutes = self.window_minutes

        channel: str = self.channel

        destination = self.destination

        is_enabled = self.is_enabled

        include_known = self.include_known

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()

        since = self.since.isoformat()

        fingerprint = self.fingerprint

        owner: None | str
        owner = self.owner

        runbook_url: None | str
        runbook_url = self.runbook_url


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "id": id,
            "client_id": client_id,
            "pipeline_id": pipeline_id,
            "rule_type": rule_type,
            "threshold": threshold,
            "window_minutes": window_minutes,
            "channel": channel,
            "destination": destination,
            "is_enabled": is_enabled,
            "include_known": include_known,
            "created_at": created_at,
            "updated_at": updated_at,
            "since": since,
            "fingerprint": fingerprint,
            "owner": owner,
            "runbook_url": runbook_url,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = UUID(d.pop("id"))




        def _parse_client_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                client_id_type_0 = UUID(data)



                return client_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        client_id = _parse_client_id(d.pop("client_id"))


        def _parse_pipeline_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                pipeline_id_type_0 = UUID(data)



                return pipeline_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        pipeline_id = _parse_pipeline_id(d.pop("pipeline_id"))


        rule_type = check_rule_type(d.pop("rule_type"))




        def _parse_threshold(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        threshold = _parse_threshold(d.pop("threshold"))


        def _parse_window_minutes(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        window_minutes = _parse_window_minutes(d.pop("window_minutes"))


        channel = check_alert_channel(d.pop("channel"))




        destination = d.pop("destination")

        is_enabled = d.pop("is_enabled")

        include_known = d.pop("include_known")

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))




        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))




        since = datetime.datetime.fromisoformat(d.pop("since"))




        fingerprint = d.pop("fingerprint")

        def _parse_owner(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        owner = _parse_owner(d.pop("owner"))


        def _parse_runbook_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        runbook_url = _parse_runbook_url(d.pop("runbook_url"))


        firing_rule = cls(
            id=id,
            client_id=client_id,
            pipeline_id=pipeline_id,
            rule_type=rule_type,
            threshold=threshold,
            window_minutes=window_minutes,
            channel=channel,
            destination=destination,
            is_enabled=is_enabled,
            include_known=include_known,
            created_at=created_at,
            updated_at=updated_at,
            since=since,
            fingerprint=fingerprint,
            owner=owner,
            runbook_url=runbook_url,
        )


        firing_rule.additional_properties = d
        return firing_rule

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
