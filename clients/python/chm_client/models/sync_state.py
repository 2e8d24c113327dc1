from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.ingestion_state import check_ingestion_state
from ..models.ingestion_state import IngestionState
from typing import cast
from uuid import UUID

if TYPE_CHECKING:
  from ..models.sync_error import SyncError





T = TypeVar("T", bound="SyncState")



@_attrs_define
class SyncState:
    """ The state and the counts. Counts grow while the state is `running`.

    A run that a source returns twice is counted twice.

        Attributes:
            task_id (UUID): The id of the ingestion.
            state (IngestionState):
            pipelines_processed (int): Pipelines that were ingested completely.
            pages_processed (int): Pages read from the source.
            runs_processed (int): Runs received, including runs that were received before.
            created (int): Runs stored for the first time.
            updated (int): Stored runs that were replaced by a newer version.
            unchanged (int): Runs received again without a change.
            stale (int): Runs whose stored version is newer. They are not stored.
            pruned (int): Runs older than the pipeline's `pruned_before`. They are not stored.
            rejected (int): Invalid runs. They are not stored.
            unknown_pipelines (int): Number of pipelines that the source has and CHM does not have.
            errors (list[SyncError]): Errors by connection and pipeline.
     """

    task_id: UUID
    state: IngestionState
    pipelines_processed: int
    pages_processed: int
    runs_processed: int
    created: int
    updated: int
    unchanged: int
    stale: int
    pruned: int
    rejected: int
    unknown_pipelines: int
    errors: list[SyncError]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.sync_error import SyncError # noqa: PLC0415
        task_id = str(self.task_id)

        state: str = self.state

        pipelines_processed = self.pipelines_processed

        pages_processed = self.pages_processed

        runs_processed = self.runs_processed

        created = self.created

        updated = self.updated

        unchanged = self.unchanged

        stale = self.stale

        pruned = self.pruned

        rejected = self.rejected

        unknown_pipelines = self.unknown_pipelines

        errors = []
        for errors_item_data in self.errors:
            errors_item = errors_item_data.to_dict()
            errors.append(errors_item)




        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "task_id": task_id,
            "state": state,
            "pipelines_processed": pipelines_processed,
            "pages_processed": pages_processed,
            "runs_processed": runs_processed,
            "created": created,
            "updated": updated,
            "unchanged": unchanged,
            "stale": stale,
            "pruned": pruned,
            "rejected": rejected,
            "unknown_pipelines": unknown_pipelines,
            "errors": errors,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.sync_error import SyncError # noqa: PLC0415
        d = dict(src_dict)
        task_id = UUID(d.pop("task_id"))




        state = check_ingestion_state(d.pop("state"))




        pipelines_processed = d.pop("pipelines_processed")

        pages_processed = d.pop("pages_processed")

        runs_processed = d.pop("runs_processed")

        created = d.pop("created")

        updated = d.pop("updated")

        unchanged = d.pop("unchanged")

        stale = d.pop("stale")

        pruned = d.pop("pruned")

        rejected = d.pop("rejected")

        unknown_pipelines = d.pop("unknown_pipelines")

        errors = []
        _errors = d.pop("errors")
        for errors_item_data in (_errors):
            errors_item = SyncError.from_dict(errors_item_data)



            errors.append(errors_item)


        sync_state = cls(
            task_id=task_id,
            state=state,
            pipelines_processed=pipelines_processed,
            pages_processed=pages_processed,
            runs_processed=runs_processed,
            created=created,
            updated=updated,
            unchanged=unchanged,
            stale=stale,
            pruned=pruned,
            rejected=rejected,
            unknown_pipelines=unknown_pipelines,
            errors=errors,
        )


        sync_state.additional_properties = d
        return sync_state

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
