from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="KnownFailureAnswer")



@_attrs_define
class KnownFailureAnswer:
    """ 
        Attributes:
            reason (str): Why the failure is known.
            ticket_url (None | str): Address of the ticket.
            until (datetime.datetime | None): When the mark ends at the latest; null: when the failure ends.
            since (datetime.datetime): When the failure was marked.
            run_id (UUID): The failed run that was marked.
            incident (str): The fingerprint of the incident, as in the report `incidents`.
     """

    reason: str
    ticket_url: None | str
    until: datetime.datetime | None
    since: datetime.datetime
    run_id: UUID
    incident: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        reason = self.reason

        ticket_url: None | str
        ticket_url = self.ticket_url

        until: None | str
        if isinstance(self.until, datetime.datetime):
            until = self.until.isoformat()
        else:
            until = self.until

        since = self.since.isoformat()

        run_id = str(self.run_id)

        incident = self.incident


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "reason": reason,
            "ticket_url": ticket_url,
            "until": until,
            "since": since,
            "run_id": run_id,
            "incident": incident,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        reason = d.pop("reason")

        def _parse_ticket_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        ticket_url = _parse_ticket_url(d.pop("ticket_url"))


        def _parse_until(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                until_type_0 = datetime.datetime.fromisoformat(data)



                return until_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        until = _parse_until(d.pop("until"))


        since = datetime.datetime.fromisoformat(d.pop("since"))




        run_id = UUID(d.pop("run_id"))




        incident = d.pop("incident")

        known_failure_answer = cls(
            reason=reason,
            ticket_url=ticket_url,
            until=until,
            since=since,
            run_id=run_id,
            incident=incident,
        )


        known_failure_answer.additional_properties = d
        return known_failure_answer

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
