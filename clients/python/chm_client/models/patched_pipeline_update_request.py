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
from uuid import UUID






T = TypeVar("T", bound="PatchedPipelineUpdateRequest")



@_attrs_define
class PatchedPipelineUpdateRequest:
    """ The fields for changing a pipeline. A new client_id moves the pipeline and its history to another client.

        Attributes:
            client_id (UUID | Unset): Client that the pipeline runs for.
            name (str | Unset): Name of the pipeline; unique within the client.
            platform (Platform | Unset):
            external_id (None | str | Unset): The id of the pipeline in the orchestrator. If it is null, CHM cannot read the
                runs.
            pipeline_type (PipelineType | Unset):
            description (None | str | Unset): Free text.
            environment (Environment | Unset):
            is_active (bool | Unset): If this is false, the pipeline is disabled: CHM keeps its history, but reads no runs.
     """

    client_id: UUID | Unset = UNSET
    name: str | Unset = UNSET
    platform: Platform | Unset = UNSET
    external_id: None | str | Unset = UNSET
    pipeline_type: PipelineType | Unset = UNSET
    description: None | str | Unset = UNSET
    environment: Environment | Unset = UNSET
    is_active: bool | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        client_id: str | Unset = UNSET
        if not isinstance(self.client_id, Unset):
            client_id = str(self.client_id)

        name = self.name

        platform: str | Unset = UNSET
        if not isinstance(self.platform, Unset):
            platform = self.platform


        external_id: None | str | Unset
        if isinstance(self.external_id, Unset):
            external_id = UNSET
        else:
            external_id = self.external_id

        pipeline_type: str | Unset = UNSET
        if not isinstance(self.pipeline_type, Unset):
            pipeline_type = self.pipeline_type


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
        })
        if client_id is not UNSET:
            field_dict["client_id"] = client_id
        if name is not UNSET:
            field_dict["name"] = name
        if platform is not UNSET:
            field_dict["platform"] = platform
        if external_id is not UNSET:
            field_dict["external_id"] = external_id
        if pipeline_type is not UNSET:
            field_dict["pipeline_type"] = pipeline_type
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
        _client_id = d.pop("client_id", UNSET)
        client_id: UUID | Unset
        if isinstance(_client_id,  Unset):
            client_id = UNSET
        else:
            client_id = UUID(_client_id)




        name = d.pop("name", UNSET)

        _platform = d.pop("platform", UNSET)
        platform: Platform | Unset
        if isinstance(_platform,  Unset):
            platform = UNSET
        else:
            platform = check_platform(_platform)




        def _parse_external_id(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        external_id = _parse_external_id(d.pop("external_id", UNSET))


        _pipeline_type = d.pop("pipeline_type", UNSET)
        pipeline_type: PipelineType | Unset
        if isinstance(_pipeline_type,  Unset):
            pipeline_type = UNSET
        else:
            pipeline_type = check_pipeline_type(_pipeline_type)




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

        patched_pipeline_update_request = cls(
            client_id=client_id,
            name=name,
            platform=platform,
            external_id=external_id,
            pipeline_type=pipeline_type,
            description=description,
            environment=environment,
            is_active=is_active,
        )

        return patched_pipeline_update_request

