from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
import datetime

if TYPE_CHECKING:
  from ..models.handover_changes_item import HandoverChangesItem
  from ..models.handover_failing_item import HandoverFailingItem
  from ..models.handover_incidents_item import HandoverIncidentsItem
  from ..models.handover_late_item import HandoverLateItem
  from ..models.handover_recovered_item import HandoverRecoveredItem
  from ..models.handover_sources_dark_item import HandoverSourcesDarkItem





T = TypeVar("T", bound="Handover")



@_attrs_define
class Handover:
    """ 
        Attributes:
            since (datetime.datetime): When the shift began.
            until (datetime.datetime): When the report was made.
            incidents (list[HandoverIncidentsItem]): Incidents that began in the shift: rows of the report `incidents`, with
                `ended_at` (null if not ended).
            recovered (list[HandoverRecoveredItem]): Pipelines that recovered in the shift: rows of the report
                `changes_since_yesterday`.
            failing (list[HandoverFailingItem]): Failing pipelines: rows of the report `failing_now`, new failures before
                known ones.
            late (list[HandoverLateItem]): Late pipelines: rows of the report `late_pipelines`.
            sources_dark (list[HandoverSourcesDarkItem]): Sources that are overdue or failing: rows of the report
                `ingestion_health`.
            changes (list[HandoverChangesItem]): The newest 200 changes to clients, pipelines and alert rules, with
                `changed_at`, `object_id`, `kind`, `name` and `change`.
            change_count (int): How many changes the shift has.
     """

    since: datetime.datetime
    until: datetime.datetime
    incidents: list[HandoverIncidentsItem]
    recovered: list[HandoverRecoveredItem]
    failing: list[HandoverFailingItem]
    late: list[HandoverLateItem]
    sources_dark: list[HandoverSourcesDarkItem]
    changes: list[HandoverChangesItem]
    change_count: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.handover_changes_item import HandoverChangesItem # noqa: PLC0415
        from ..models.handover_failing_item import HandoverFailingItem # noqa: PLC0415
        from ..models.handover_incidents_item import HandoverIncidentsItem # noqa: PLC0415
        from ..models.handover_late_item import HandoverLateItem # noqa: PLC0415
        from ..models.handover_recovered_item import HandoverRecoveredItem # noqa: PLC0415
        from ..models.handover_sources_dark_item import HandoverSourcesDarkItem # noqa: PLC0415
        since = self.since.isoformat()

        until = self.until.isoformat()

        incidents = []
        for incidents_item_data in self.incidents:
            incidents_item = incidents_item_data.to_dict()
            incidents.append(incidents_item)



        recovered = []
        for recovered_item_data in self.recovered:
            recovered_item = recovered_item_data.to_dict()
            recovered.append(recovered_item)



        failing = []
        for failing_item_data in self.failing:
            failing_item = failing_item_data.to_dict()
            failing.append(failing_item)



        late = []
        for late_item_data in self.late:
            late_item = late_item_data.to_dict()
            late.append(late_item)



        sources_dark = []
        for sources_dark_item_data in self.sources_dark:
            sources_dark_item = sources_dark_item_data.to_dict()
            sources_dark.append(sources_dark_item)



        changes = []
        for changes_item_data in self.changes:
            changes_item = changes_item_data.to_dict()
            changes.append(changes_item)



        change_count = self.change_count


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "since": since,
            "until": until,
            "incidents": incidents,
            "recovered": recovered,
            "failing": failing,
            "late": late,
            "sources_dark": sources_dark,
            "changes": changes,
            "change_count": change_count,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.handover_changes_item import HandoverChangesItem # noqa: PLC0415
        from ..models.handover_failing_item import HandoverFailingItem # noqa: PLC0415
        from ..models.handover_incidents_item import HandoverIncidentsItem # noqa: PLC0415
        from ..models.handover_late_item import HandoverLateItem # noqa: PLC0415
        from ..models.handover_recovered_item import HandoverRecoveredItem # noqa: PLC0415
        from ..models.handover_sources_dark_item import HandoverSourcesDarkItem # noqa: PLC0415
        d = dict(src_dict)
        since = datetime.datetime.fromisoformat(d.pop("since"))




        until = datetime.datetime.fromisoformat(d.pop("until"))




        incidents = []
        _incidents = d.pop("incidents")
        for incidents_item_data in (_incidents):
            incidents_item = HandoverIncidentsItem.from_dict(incidents_item_data)



            incidents.append(incidents_item)


        recovered = []
        _recovered = d.pop("recovered")
        for recovered_item_data in (_recovered):
            recovered_item = HandoverRecoveredItem.from_dict(recovered_item_data)



            recovered.append(recovered_item)


        failing = []
        _failing = d.pop("failing")
        for failing_item_data in (_failing):
            failing_item = HandoverFailingItem.from_dict(failing_item_data)



            failing.append(failing_item)


        late = []
        _late = d.pop("late")
        for late_item_data in (_late):
            late_item = HandoverLateItem.from_dict(late_item_data)



            late.append(late_item)


        sources_dark = []
        _sources_dark = d.pop("sources_dark")
        for sources_dark_item_data in (_sources_dark):
            sources_dark_item = HandoverSourcesDarkItem.from_dict(sources_dark_item_data)



            sources_dark.append(sources_dark_item)


        changes = []
        _changes = d.pop("changes")
        for changes_item_data in (_changes):
            changes_item = HandoverChangesItem.from_dict(changes_item_data)



            changes.append(changes_item)


        change_count = d.pop("change_count")

        handover = cls(
            since=since,
            until=until,
            incidents=incidents,
            recovered=recovered,
            failing=failing,
            late=late,
            sources_dark=sources_dark,
            changes=changes,
            change_count=change_count,
        )


        handover.additional_properties = d
        return handover

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
