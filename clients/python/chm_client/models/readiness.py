from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.readiness_status_enum import check_readiness_status_enum
from ..models.readiness_status_enum import ReadinessStatusEnum
from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
  from ..models.readiness_problems import ReadinessProblems





T = TypeVar("T", bound="Readiness")



@_attrs_define
class Readiness:
    """ 
        Attributes:
            status (ReadinessStatusEnum):
            problems (ReadinessProblems | Unset): Problems by part (database, broker, beat). Only with a token or a session.
            stale_pipelines (int | None | Unset): Number of pipelines whose ingestion is overdue; null if the database is
                down. Only with a token or a session.
            replica_lag_seconds (float | None | Unset): By how many seconds the replica lags behind the database; null if
                the replica does not answer or none is configured. Only with a token or a session.
            replica_max_lag_seconds (int | None | Unset): CHM reads the replica up to this lag in seconds (setting
                CHM_REPLICA_MAX_LAG_SECONDS); null if no replica is configured. Only with a token or a session.
            replica_is_read (bool | None | Unset): Whether reports and pages of the console read the replica now; null if
                none is configured. Only with a token or a session.
     """

    status: ReadinessStatusEnum
    problems: ReadinessProblems | Unset = UNSET
    stale_pipelines: int | None | Unset = UNSET
    replica_lag_seconds: float | None | Unset = UNSET
    replica_max_lag_seconds: int | None | Unset = UNSET
    replica_is_read: bool | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.readiness_problems import ReadinessProblems # noqa: PLC0415
        status: str = self.status

        problems: dict[str, Any] | Unset = UNSET
        if not isinstance(self.problems, Unset):
            problems = self.problems.to_dict()

        stale_pipelines: int | None | Unset
        if isinstance(self.stale_pipelines, Unset):
            stale_pipelines = UNSET
        else:
            stale_pipelines = self.stale_pipelines

        replica_lag_seconds: float | None | Unset
        if isinstance(self.replica_lag_seconds, Unset):
            replica_lag_seconds = UNSET
        else:
            replica_lag_seconds = self.replica_lag_seconds

        replica_max_lag_seconds: int | None | Unset
        if isinstance(self.replica_max_lag_seconds, Unset):
            replica_max_lag_seconds = UNSET
        else:
            replica_max_lag_seconds = self.replica_max_lag_seconds

        replica_is_read: bool | None | Unset
        if isinstance(self.replica_is_read, Unset):
            replica_is_read = UNSET
        else:
            replica_is_read = self.replica_is_read


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "status": status,
        })
        if problems is not UNSET:
            field_dict["problems"] = problems
        if stale_pipelines is not UNSET:
            field_dict["stale_pipelines"] = stale_pipelines
        if replica_lag_seconds is not UNSET:
            field_dict["replica_lag_seconds"] = replica_lag_seconds
        if replica_max_lag_seconds is not UNSET:
            field_dict["replica_max_lag_seconds"] = replica_max_lag_seconds
        if replica_is_read is not UNSET:
            field_dict["replica_is_read"] = replica_is_read

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.readiness_problems import ReadinessProblems # noqa: PLC0415
        d = dict(src_dict)
        status = check_readiness_status_enum(d.pop("status"))




        _problems = d.pop("problems", UNSET)
        problems: ReadinessProblems | Unset
        if isinstance(_problems,  Unset):
            problems = UNSET
        else:
            problems = ReadinessProblems.from_dict(_problems)




        def _parse_stale_pipelines(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        stale_pipelines = _parse_stale_pipelines(d.pop("stale_pipelines", UNSET))


        def _parse_replica_lag_seconds(data: object) -> float | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(float | None | Unset, data)

        replica_lag_seconds = _parse_replica_lag_seconds(d.pop("replica_lag_seconds", UNSET))


        def _parse_replica_max_lag_seconds(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        replica_max_lag_seconds = _parse_replica_max_lag_seconds(d.pop("replica_max_lag_seconds", UNSET))


        def _parse_replica_is_read(data: object) -> bool | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(bool | None | Unset, data)

        replica_is_read = _parse_replica_is_read(d.pop("replica_is_read", UNSET))


        readiness = cls(
            status=status,
            problems=problems,
            stale_pipelines=stale_pipelines,
            replica_lag_seconds=replica_lag_seconds,
            replica_max_lag_seconds=replica_max_lag_seconds,
            replica_is_read=replica_is_read,
        )


        readiness.additional_properties = d
        return readiness

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
