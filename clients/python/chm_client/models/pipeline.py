from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.environment import check_environment
from ..models.environment import Environment
from ..models.pipeline_type import check_pipeline_type
from ..models.pipeline_type import PipelineType
from ..models.platform import check_platform
from ..models.platform import Platform
from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="Pipeline")



@_attrs_define
class Pipeline:
    """ A pipeline of one client, on any orchestrator.

        Attributes:
            id (UUID): UUID version 7.
            client_id (UUID): Client that the pipeline runs for.
            name (str): Name of the pipeline; unique within the client.
            platform (Platform):
            external_id (None | str): The id of the pipeline in the orchestrator. If it is null, CHM cannot read the runs.
            pipeline_type (PipelineType):
            description (None | str): Free text.
            environment (Environment):
            is_active (bool): If this is false, the pipeline is disabled: CHM keeps its history, but reads no runs.
            ingested_through (datetime.datetime | None): The watermark: CHM has stored all changes up to this time; null
                until the first complete walk.
            ingest_due_at (datetime.datetime | None): After this time the pipeline is stale: its latest status may be
                outdated.
            last_ingest_at (datetime.datetime | None): When CHM last walked the pipeline completely.
            last_ingest_error (None | str): Why the last walk failed, in one sentence; null if the last walk succeeded.
            source_paused (bool | None): Whether the schedule is paused at the source; null if the source does not report
                this.
            source_next_run_at (datetime.datetime | None): When the source's schedule starts the next run; null if the
                source does not report this.
            source_missing_since (datetime.datetime | None): Since when the source no longer lists the pipeline; null if the
                source lists it, or has no list.
            source_url (None | str): URL of the pipeline's page at the source, as of the last walk.
            source_url_template (None | str): URL of the pages of runs at the source. `{run_id}` stands for the percent-
                encoded `external_run_id`.
            pruned_before (datetime.datetime | None): CHM has deleted the runs before this time, and does not store them
                again; null until the first deletion.
            stale_since (datetime.datetime | None): `ingest_due_at` if this time has passed, else null. If it is set, the
                latest status may be outdated.
            created_at (datetime.datetime): When CHM stored the row.
            updated_at (datetime.datetime): When the pipeline last changed. Changes of fields such as `ingested_through` do
                not count.
     """

    id: UUID
    client_id: UUID
    name: str
    platform: Platform
    external_id: None | str
    pipeline_type: PipelineType
    description: None | str
    environment: Environment
    is_active: bool
    ingested_through: datetime.datetime | None
    ingest_due_at: datetime.datetime | None
    last_ingest_at: datetime.datetime | None
    last_ingest_error: None | str
    source_paused: bool | None
    source_next_run_at: datetime.datetime | None
    source_missing_since: datetime.datetime | None
    source_url: None | str
    source_url_template: None | str
    pruned_before: datetime.datetime | None
    stale_since: datetime.datetime | None
    created_at: datetime.datetime
    updated_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        client_id = str(self.client_id)

        name = self.name

        platform: str = self.platform

        external_id: None | str
        external_id = self.external_id

        pipeline_type: str = self.pipeline_type

        description: None | str
        description = self.description

        environment: str = self.environment

        is_active = self.is_active

        ingested_through: None | str
        if isinstance(self.ingested_through, datetime.datetime):
            ingested_through = self.ingested_through.isoformat()
        else:
            ingested_through = self.ingested_through

        ingest_due_at: None | str
        if isinstance(self.ingest_due_at, datetime.datetime):
            ingest_due_at = self.ingest_due_at.isoformat()
        else:
            ingest_due_at = self.ingest_due_at

        last_ingest_at: None | str
        if isinstance(self.last_ingest_at, datetime.datetime):
            last_ingest_at = self.last_ingest_at.isoformat()
        else:
            last_ingest_at = self.last_ingest_at

        last_ingest_error: None | str
        last_ingest_error = self.last_ingest_error

        source_paused: bool | None
        source_paused = self.source_paused

        source_next_run_at: None | str
        if isinstance(self.source_next_run_at, datetime.datetime):
            source_next_run_at = self.source_next_run_at.isoformat()
        else:
            source_next_run_at = self.source_next_run_at

        source_missing_since: None | str
        if isinstance(self.source_missing_since, datetime.datetime):
            source_missing_since = self.source_missing_since.isoformat()
        else:
            source_missing_since = self.source_missing_since

        source_url: None | str
        source_url = self.source_url

        source_url_template: None | str
        source_url_template = self.source_url_template

        pruned_before: None | str
        if isinstance(self.pruned_before, datetime.datetime):
            pruned_before = self.pruned_before.isoformat()
        else:
            pruned_before = self.pruned_before

        stale_since: None | str
        if isinstance(self.stale_since, datetime.datetime):
            stale_since = self.stale_since.isoformat()
        else:
            stale_since = self.stale_since

        created_at = self.created_at.isoformat()

        updated_at = self.updated_at.isoformat()


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "id": id,
            "client_id": client_id,
            "name": name,
            "platform": platform,
            "external_id": external_id,
            "pipeline_type": pipeline_type,
            "description": description,
            "environment": environment,
            "is_active": is_active,
            "ingested_through": ingested_through,
            "ingest_due_at": ingest_due_at,
            "last_ingest_at": last_ingest_at,
            "last_ingest_error": last_ingest_error,
            "source_paused": source_paused,
            "source_next_run_at": source_next_run_at,
            "source_missing_since": source_missing_since,
            "source_url": source_url,
            "source_url_template": source_url_template,
            "pruned_before": pruned_before,
            "stale_since": stale_since,
            "created_at": created_at,
            "updated_at": updated_at,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = UUID(d.pop("id"))




        client_id = UUID(d.pop("client_id"))




        name = d.pop("name")

        platform = check_platform(d.pop("platform"))




        def _parse_external_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        external_id = _parse_external_id(d.pop("external_id"))


        pipeline_type = check_pipeline_type(d.pop("pipeline_type"))




        def _parse_description(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        description = _parse_description(d.pop("description"))


        environment = check_environment(d.pop("environment"))




        is_active = d.pop("is_active")

        def _parse_ingested_through(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ingested_through_type_0 = datetime.datetime.fromisoformat(data)



                return ingested_through_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        ingested_through = _parse_ingested_through(d.pop("ingested_through"))


        def _parse_ingest_due_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ingest_due_at_type_0 = datetime.datetime.fromisoformat(data)



                return ingest_due_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        ingest_due_at = _parse_ingest_due_at(d.pop("ingest_due_at"))


        def _parse_last_ingest_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                last_ingest_at_type_0 = datetime.datetime.fromisoformat(data)



                return last_ingest_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        last_ingest_at = _parse_last_ingest_at(d.pop("last_ingest_at"))


        def _parse_last_ingest_error(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        last_ingest_error = _parse_last_ingest_error(d.pop("last_ingest_error"))


        def _parse_source_paused(data: object) -> bool | None:
            if data is None:
                return data
            return cast(bool | None, data)

        source_paused = _parse_source_paused(d.pop("source_paused"))


        def _parse_source_next_run_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                source_next_run_at_type_0 = datetime.datetime.fromisoformat(data)



                return source_next_run_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        source_next_run_at = _parse_source_next_run_at(d.pop("source_next_run_at"))


        def _parse_source_missing_since(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                source_missing_since_type_0 = datetime.datetime.fromisoformat(data)



                return source_missing_since_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        source_missing_since = _parse_source_missing_since(d.pop("source_missing_since"))


        def _parse_source_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        source_url = _parse_source_url(d.pop("source_url"))


        def _parse_source_url_template(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        source_url_template = _parse_source_url_template(d.pop("source_url_template"))


        def _parse_pruned_before(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                pruned_before_type_0 = datetime.datetime.fromisoformat(data)



                return pruned_before_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        pruned_before = _parse_pruned_before(d.pop("pruned_before"))


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


        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))




        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))




        pipeline = cls(
            id=id,
            client_id=client_id,
            name=name,
            platform=platform,
            external_id=external_id,
            pipeline_type=pipeline_type,
            description=description,
            environment=environment,
            is_active=is_active,
            ingested_through=ingested_through,
            ingest_due_at=ingest_due_at,
            last_ingest_at=last_ingest_at,
            last_ingest_error=last_ingest_error,
            source_paused=source_paused,
            source_next_run_at=source_next_run_at,
            source_missing_since=source_missing_since,
            source_url=source_url,
            source_url_template=source_url_template,
            pruned_before=pruned_before,
            stale_since=stale_since,
            created_at=created_at,
            updated_at=updated_at,
        )


        pipeline.additional_properties = d
        return pipeline

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
