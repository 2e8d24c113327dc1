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
from ..types import UNSET, Unset
from typing import cast
from uuid import UUID






T = TypeVar("T", bound="AlertRuleRequest")



@_attrs_define
class AlertRuleRequest:
    """ An alert rule. If a rule has a client and a pipeline, only the pipeline counts, and its client owns the rule.

        Attributes:
            rule_type (RuleType):
            channel (AlertChannel):
            destination (str): For `slack`, a channel such as #data-alerts or the https address of a hook; for `email`, an
                e-mail address; for `webhook`, an https address. Responses show only the host of an https address. If you send
                the address in this masked form, CHM keeps the stored address.
            client_id (None | Unset | UUID): A rule without `pipeline_id` watches all active pipelines of this client.
            pipeline_id (None | Unset | UUID): The rule watches only this pipeline.
            threshold (int | None | Unset): For `failures_in_window`: the rule fires if at least this many runs fail in the
                window.
            window_minutes (int | None | Unset): For `failures_in_window`: the length of the window in minutes.
            is_enabled (bool | Unset): If this is false, CHM keeps the rule, but the rule never fires.
            include_known (bool | Unset): If this is false, the rule ignores pipelines whose failure is known, and pipelines
                that failed in planned maintenance.
     """

    rule_type: RuleType
    channel: AlertChannel
    destination: str
    client_id: None | Unset | UUID = UNSET
    pipeline_id: None | Unset | UUID = UNSET
    threshold: int | None | Unset = UNSET
    window_minutes: int | None | Unset = UNSET
    is_enabled: bool | Unset = UNSET
    include_known: bool | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        rule_type: str = self.rule_type

        channel: str = self.channel

        destination = self.destination

        client_id: None | str | Unset
        if isinstance(self.client_id, Unset):
            client_id = UNSET
        elif isinstance(self.client_id, UUID):
            client_id = str(self.client_id)
        else:
            client_id = self.client_id

        pipeline_id: None | str | Unset
        if isinstance(self.pipeline_id, Unset):
            pipeline_id = UNSET
        elif isinstance(self.pipeline_id, UUID):
            pipeline_id = str(self.pipeline_id)
        else:
            pipeline_id = self.pipeline_id

        threshold: int | None | Unset
        if isinstance(self.threshold, Unset):
            threshold = UNSET
        else:
            threshold = self.threshold

        window_minutes: int | None | Unset
        if isinstance(self.window_minutes, Unset):
            window_minutes = UNSET
        else:
            window_minutes = self.window_minutes

        is_enabled = self.is_enabled

        include_known = self.include_known


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "rule_type": rule_type,
            "channel": channel,
            "destination": destination,
        })
        if client_id is not UNSET:
            field_dict["client_id"] = client_id
        if pipeline_id is not UNSET:
            field_dict["pipeline_id"] = pipeline_id
        if threshold is not UNSET:
            field_dict["threshold"] = threshold
        if window_minutes is not UNSET:
            field_dict["window_minutes"] = window_minutes
        if is_enabled is not UNSET:
            field_dict["is_enabled"] = is_enabled
        if include_known is not UNSET:
            field_dict["include_known"] = include_known

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        rule_type = check_rule_type(d.pop("rule_type"))




        channel = check_alert_channel(d.pop("channel"))




        destination = d.pop("destination")

        def _parse_client_id(data: object) -> None | Unset | UUID:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                client_id_type_0 = UUID(data)



                return client_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | UUID, data)

        client_id = _parse_client_id(d.pop("client_id", UNSET))


        def _parse_pipeline_id(data: object) -> None | Unset | UUID:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                pipeline_id_type_0 = UUID(data)



                return pipeline_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | UUID, data)

        pipeline_id = _parse_pipeline_id(d.pop("pipeline_id", UNSET))


        def _parse_threshold(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        threshold = _parse_threshold(d.pop("threshold", UNSET))


        def _parse_window_minutes(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        window_minutes = _parse_window_minutes(d.pop("window_minutes", UNSET))


        is_enabled = d.pop("is_enabled", UNSET)

        include_known = d.pop("include_known", UNSET)

        alert_rule_request = cls(
            rule_type=rule_type,
            channel=channel,
            destination=destination,
            client_id=client_id,
            pipeline_id=pipeline_id,
            threshold=threshold,
            window_minutes=window_minutes,
            is_enabled=is_enabled,
            include_known=include_known,
        )

        return alert_rule_request

