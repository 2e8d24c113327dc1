from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="IngestionHealthRow")



@_attrs_define
class IngestionHealthRow:
    """ 
        Attributes:
            client_name (str): Name of the client
            platform (str): Kind of orchestrator
            pipelines (int): Number of pipelines that CHM should ingest
            never_ingested (int): Number of these pipelines that CHM has never walked completely
            stale (int): Number of these pipelines whose next walk is overdue
            failing_ingestion (int): Number of these pipelines whose last walk failed
            oldest_ingest_at (datetime.datetime | None): Earliest time of the last complete walks of these pipelines; null:
                CHM has never walked any of them completely
            last_error (None | str): Error of the last walk of one of these pipelines; null: no pipeline has an error
            pushed_only (int): Number of `never_ingested` pipelines without an error that have runs: jobs push them
            missing_at_source (int): Number of these pipelines that their source no longer lists
            client_id (UUID): Key of the client
     """

    client_name: str
    platform: str
    pipelines: int
    never_ingested: int
    stale: int
    failing_ingestion: int
    oldest_ingest_at: datetime.datetime | None
    last_error: None | str
    pushed_only: int
    missing_at_source: int
    client_id: UUID
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        client_name = self.client_name

        platform = self.platform

        pipelines = self.pipelines

        never_ingested = self.never_ingested

        stale = self.stale

        failing_ingestion = self.failing_ingestion

        oldest_ingest_at: None | str
        if isinstance(self.oldest_ingest_at, datetime.datetime):
            oldest_ingest_at = self.oldest_ingest_at.isoformat()
        else:
            oldest_ingest_at = self.oldest_ingest_at

        last_error: None | str
        last_error = self.last_error

        pushed_only = self.pushed_only

        missing_at_source = self.missing_at_source

        client_id = str(self.client_id)


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "client_name": client_name,
            "platform": platform,
            "pipelines": pipelines,
            "never_ingested": never_ingested,
            "stale": stale,
            "failing_ingestion": failing_ingestion,
            "oldest_ingest_at": oldest_ingest_at,
            "last_error": last_error,
            "pushed_only": pushed_only,
            "missing_at_source": missing_at_source,
            "client_id": client_id,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        client_name = d.pop("client_name")

        platform = d.pop("platform")

        pipelines = d.pop("pipelines")

        never_ingested = d.pop("never_ingested")

        stale = d.pop("stale")

        failing_ingestion = d.pop("failing_ingestion")

        def _parse_oldest_ingest_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                oldest_ingest_at_type_0 = datetime.datetime.fromisoformat(data)



                return oldest_ingest_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        oldest_ingest_at = _parse_oldest_ingest_at(d.pop("oldest_ingest_at"))


        def _parse_last_error(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        last_error = _parse_last_error(d.pop("last_error"))


        pushed_only = d.pop("pushed_only")

        missing_at_source = d.pop("missing_at_source")

        client_id = UUID(d.pop("client_id"))




        ingestion_health_row = cls(
            client_name=client_name,
            platform=platform,
            pipelines=pipelines,
            never_ingested=never_ingested,
            stale=stale,
            failing_ingestion=failing_ingestion,
            oldest_ingest_at=oldest_ingest_at,
            last_error=last_error,
            pushed_only=pushed_only,
            missing_at_source=missing_at_source,
            client_id=client_id,
        )


        ingestion_health_row.additional_properties = d
        return ingestion_health_row

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
