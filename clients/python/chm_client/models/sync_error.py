from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast






T = TypeVar("T", bound="SyncError")



@_attrs_define
class SyncError:
    """ 
        Attributes:
            connection (str): The name of the connection.
            pipeline (None | str): The external id of the pipeline; null if the error does not concern a single pipeline.
            error (str): Why the pipelines could not be ingested.
     """

    connection: str
    pipeline: None | str
    error: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        connection = self.connection

        pipeline: None | str
        pipeline = self.pipeline

        error = self.error


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "connection": connection,
            "pipeline": pipeline,
            "error": error,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        connection = d.pop("connection")

        def _parse_pipeline(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        pipeline = _parse_pipeline(d.pop("pipeline"))


        error = d.pop("error")

        sync_error = cls(
            connection=connection,
            pipeline=pipeline,
            error=error,
        )


        sync_error.additional_properties = d
        return sync_error

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
