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
from ..types import UNSET, Unset
from typing import cast






T = TypeVar("T", bound="PipelineRequest")



@_attrs_define
class PipelineRequest:
    """ A pipeline of one client, on any orchestrator.

        Attributes:
            name (str): Name of the pipeline; unique within the client.
            platform (Platform):
            pipeline_type (PipelineType):
            external_id (None | str | Unset): The id of the pipeline in the orchestrator. If it is null, CHM cannot read the
                runs.
            description (None | str | Unset): Free text.
            environment (Environment | Unset):
            is_active (bool | Unset): If this is false, the pipeline is disabled: CHM keeps its history, but reads no runs.
     """

    name: str
    platform: Platform
    pipeline_type: PipelineType
    external_id: None | str | Unset = UNSET
    description: None | str | Unset = UNSET
    environment: Environment | Unset = UNSET
    is_active: bool | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        name = self.name

        platform: str = self.platform

        pipeline_type: str = self.pipeline_type

        external_id: None | str | Unset
        if isinstance(self.external_id, Unset):
            external_id = UNSET
        else:
            external_id = self.external_id

        description: None | str | Unset
        if isinstance(self.description, Unset):
            description = UNSET
        else:
            description = self.description

        environment: str | Unset = UNSET
        if not isinstance(self.environment, Unset):
            environment = self.environment


        is_active = self.is_active


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "name": name,
            "platform": platform,
            "pipeline_type": pipeline_type,
        })
        if external_id is not UNSET:
            field_dict["external_id"] = external_id
        if description is not UNSET:
            field_dict["description"] = description
        if environment is not UNSET:
            field_dict["environment"] = environment
        if is_active is not UNSET:
            field_dict["is_active"] = is_active

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        name = d.pop("name")

        platform = check_platform(d.pop("platform"))




        pipeline_type = check_pipeline_type(d.pop("pipeline_type"))




        def _parse_external_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        external_id = _parse_external_id(d.pop("external_id", UNSET))


        def _parse_description(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        description = _parse_description(d.pop("description", UNSET))


        _environment = d.pop("environment", UNSET)
        environment: Environment | Unset
        if isinstance(_environment,  Unset):
            environment = UNSET
        else:
            environment = check_environment(_environment)




        is_active = d.pop("is_active", UNSET)

        pipeline_request = cls(
            name=name,
            platform=platform,
            pipeline_type=pipeline_type,
            external_id=external_id,
            description=description,
            environment=environment,
            is_active=is_active,
        )

        return pipeline_request

