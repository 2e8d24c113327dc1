from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.client_ordering import check_client_ordering
from ...models.client_ordering import ClientOrdering
from ...models.environment import check_environment
from ...models.environment import Environment
from ...models.error import Error
from ...models.paginated_pipeline_list import PaginatedPipelineList
from ...models.pipeline_field import check_pipeline_field
from ...models.pipeline_field import PipelineField
from ...models.pipeline_type import check_pipeline_type
from ...models.pipeline_type import PipelineType
from ...models.platform import check_platform
from ...models.platform import Platform
from ...types import UNSET, Unset
from typing import cast
from uuid import UUID



def _get_kwargs(
    *,
    client_id: list[UUID] | Unset = UNSET,
    cursor: str | Unset = UNSET,
    environment: list[Environment] | Unset = UNSET,
    external_id: str | Unset = UNSET,
    fields: list[PipelineField] | Unset = UNSET,
    include_inactive: bool | Unset = UNSET,
    is_active: bool | Unset = UNSET,
    limit: int | Unset = 100,
    name: str | Unset = UNSET,
    ordering: ClientOrdering | Unset = UNSET,
    pipeline_type: list[PipelineType] | Unset = UNSET,
    platform: list[Platform] | Unset = UNSET,
    search: str | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(if_none_match, Unset):
        headers["If-None-Match"] = if_none_match



    

    params: dict[str, Any] = {}

    json_client_id: list[str] | Unset = UNSET
    if not isinstance(client_id, Unset):
        json_client_id = []
        for client_id_item_data in client_id:
            client_id_item = str(client_id_item_data)
            json_client_id.append(client_id_item)


    params["client_id"] = json_client_id

    params["cursor"] = cursor

    json_environment: list[str] | Unset = UNSET
    if not isinstance(environment, Unset):
        json_environment = []
        for environment_item_data in environment:
            environment_item: str = environment_item_data
            json_environment.append(environment_item)


    params["environment"] = json_environment

    params["external_id"] = external_id

    json_fields: list[str] | Unset = UNSET
    if not isinstance(fields, Unset):
        json_fields = []
        for fields_item_data in fields:
            fields_item: str = fields_item_data
            json_fields.append(fields_item)


    params["fields"] = json_fields

    params["include_inactive"] = include_inactive

    params["is_active"] = is_active

    params["limit"] = limit

    params["name"] = name

    json_ordering: str | Unset = UNSET
    if not isinstance(ordering, Unset):
        json_ordering = ordering

    params["ordering"] = json_ordering

    json_pipeline_type: list[str] | Unset = UNSET
    if not isinstance(pipeline_type, Unset):
        json_pipeline_type = []
        for pipeline_type_item_data in pipeline_type:
            pipeline_type_item: str = pipeline_type_item_data
            json_pipeline_type.append(pipeline_type_item)


    params["pipeline_type"] = json_pipeline_type

    json_platform: list[str] | Unset = UNSET
    if not isinstance(platform, Unset):
        json_platform = []
        for platform_item_data in platform:
            platform_item: str = platform_item_data
            json_platform.append(platform_item)


    params["platform"] = json_platform

    params["search"] = search


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/pipelines",
        "params": params,
    }


    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Any | Error | PaginatedPipelineList | None:
    if response.status_code == 200:
        response_200 = PaginatedPipelineList.from_dict(response.json())



        return response_200

    if response.status_code == 304:
        response_304 = cast(Any, None)
        return response_304

    if response.status_code == 400:
        response_400 = Error.from_dict(response.json())



        return response_400

    if response.status_code == 401:
        response_401 = Error.from_dict(response.json())



        return response_401

    if response.status_code == 403:
        response_403 = Error.from_dict(response.json())



        return response_403

    if response.status_code == 406:
        response_406 = Error.from_dict(response.json())



        return response_406

    if response.status_code == 429:
        response_429 = Error.from_dict(response.json())



        return response_429

    if response.status_code == 500:
        response_500 = Error.from_dict(response.json())



        return response_500

    if response.status_code == 503:
        response_503 = Error.from_dict(response.json())



        return response_503

    if response.status_code == 504:
        response_504 = Error.from_dict(response.json())



        return response_504

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Any | Error | PaginatedPipelineList]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    client_id: list[UUID] | Unset = UNSET,
    cursor: str | Unset = UNSET,
    environment: list[Environment] | Unset = UNSET,
    external_id: str | Unset = UNSET,
    fields: list[PipelineField] | Unset = UNSET,
    include_inactive: bool | Unset = UNSET,
    is_active: bool | Unset = UNSET,
    limit: int | Unset = 100,
    name: str | Unset = UNSET,
    ordering: ClientOrdering | Unset = UNSET,
    pipeline_type: list[PipelineType] | Unset = UNSET,
    platform: list[Platform] | Unset = UNSET,
    search: str | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Response[Any | Error | PaginatedPipelineList]:
    """ List pipelines by name

     By default, only active clients and their active pipelines are listed. `include_inactive=true` also
    lists disabled ones, and `is_active=false` lists only disabled ones.

    Args:
        client_id (list[UUID] | Unset):
        cursor (str | Unset):
        environment (list[Environment] | Unset):
        external_id (str | Unset):
        fields (list[PipelineField] | Unset):
        include_inactive (bool | Unset):
        is_active (bool | Unset):
        limit (int | Unset):  Default: 100.
        name (str | Unset):
        ordering (ClientOrdering | Unset):
        pipeline_type (list[PipelineType] | Unset):
        platform (list[Platform] | Unset):
        search (str | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Error | PaginatedPipelineList]
     """


    kwargs = _get_kwargs(
        client_id=client_id,
cursor=cursor,
environment=environment,
external_id=external_id,
fields=fields,
include_inactive=include_inactive,
is_active=is_active,
limit=limit,
name=name,
ordering=ordering,
pipeline_type=pipeline_type,
platform=platform,
search=search,
if_none_match=if_none_match,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    *,
    client: AuthenticatedClient,
    client_id: list[UUID] | Unset = UNSET,
    cursor: str | Unset = UNSET,
    environment: list[Environment] | Unset = UNSET,
    external_id: str | Unset = UNSET,
    fields: list[PipelineField] | Unset = UNSET,
    include_inactive: bool | Unset = UNSET,
    is_active: bool | Unset = UNSET,
    limit: int | Unset = 100,
    name: str | Unset = UNSET,
    ordering: ClientOrdering | Unset = UNSET,
    pipeline_type: list[PipelineType] | Unset = UNSET,
    platform: list[Platform] | Unset = UNSET,
    search: str | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Any | Error | PaginatedPipelineList | None:
    """ List pipelines by name

     By default, only active clients and their active pipelines are listed. `include_inactive=true` also
    lists disabled ones, and `is_active=false` lists only disabled ones.

    Args:
        client_id (list[UUID] | Unset):
        cursor (str | Unset):
        environment (list[Environment] | Unset):
        external_id (str | Unset):
        fields (list[PipelineField] | Unset):
        include_inactive (bool | Unset):
        is_active (bool | Unset):
        limit (int | Unset):  Default: 100.
        name (str | Unset):
        ordering (ClientOrdering | Unset):
        pipeline_type (list[PipelineType] | Unset):
        platform (list[Platform] | Unset):
        search (str | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Error | PaginatedPipelineList
     """


    return sync_detailed(
        client=client,
client_id=client_id,
cursor=cursor,
environment=environment,
external_id=external_id,
fields=fields,
include_inactive=include_inactive,
is_active=is_active,
limit=limit,
name=name,
ordering=ordering,
pipeline_type=pipeline_type,
platform=platform,
search=search,
if_none_match=if_none_match,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    client_id: list[UUID] | Unset = UNSET,
    cursor: str | Unset = UNSET,
    environment: list[Environment] | Unset = UNSET,
    external_id: str | Unset = UNSET,
    fields: list[PipelineField] | Unset = UNSET,
    include_inactive: bool | Unset = UNSET,
    is_active: bool | Unset = UNSET,
    limit: int | Unset = 100,
    name: str | Unset = UNSET,
    ordering: ClientOrdering | Unset = UNSET,
    pipeline_type: list[PipelineType] | Unset = UNSET,
    platform: list[Platform] | Unset = UNSET,
    search: str | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Response[Any | Error | PaginatedPipelineList]:
    """ List pipelines by name

     By default, only active clients and their active pipelines are listed. `include_inactive=true` also
    lists disabled ones, and `is_active=false` lists only disabled ones.

    Args:
        client_id (list[UUID] | Unset):
        cursor (str | Unset):
        environment (list[Environment] | Unset):
        external_id (str | Unset):
        fields (list[PipelineField] | Unset):
        include_inactive (bool | Unset):
        is_active (bool | Unset):
        limit (int | Unset):  Default: 100.
        name (str | Unset):
        ordering (ClientOrdering | Unset):
        pipeline_type (list[PipelineType] | Unset):
        platform (list[Platform] | Unset):
        search (str | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Error | PaginatedPipelineList]
     """


    kwargs = _get_kwargs(
        client_id=client_id,
cursor=cursor,
environment=environment,
external_id=external_id,
fields=fields,
include_inactive=include_inactive,
is_active=is_active,
limit=limit,
name=name,
ordering=ordering,
pipeline_type=pipeline_type,
platform=platform,
search=search,
if_none_match=if_none_match,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    *,
    client: AuthenticatedClient,
    client_id: list[UUID] | Unset = UNSET,
    cursor: str | Unset = UNSET,
    environment: list[Environment] | Unset = UNSET,
    external_id: str | Unset = UNSET,
    fields: list[PipelineField] | Unset = UNSET,
    include_inactive: bool | Unset = UNSET,
    is_active: bool | Unset = UNSET,
    limit: int | Unset = 100,
    name: str | Unset = UNSET,
    ordering: ClientOrdering | Unset = UNSET,
    pipeline_type: list[PipelineType] | Unset = UNSET,
    platform: list[Platform] | Unset = UNSET,
    search: str | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Any | Error | PaginatedPipelineList | None:
    """ List pipelines by name

     By default, only active clients and their active pipelines are listed. `include_inactive=true` also
    lists disabled ones, and `is_active=false` lists only disabled ones.

    Args:
        client_id (list[UUID] | Unset):
        cursor (str | Unset):
        environment (list[Environment] | Unset):
        external_id (str | Unset):
        fields (list[PipelineField] | Unset):
        include_inactive (bool | Unset):
        is_active (bool | Unset):
        limit (int | Unset):  Default: 100.
        name (str | Unset):
        ordering (ClientOrdering | Unset):
        pipeline_type (list[PipelineType] | Unset):
        platform (list[Platform] | Unset):
        search (str | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Error | PaginatedPipelineList
     """


    return (await asyncio_detailed(
        client=client,
client_id=client_id,
cursor=cursor,
environment=environment,
external_id=external_id,
fields=fields,
include_inactive=include_inactive,
is_active=is_active,
limit=limit,
name=name,
ordering=ordering,
pipeline_type=pipeline_type,
platform=platform,
search=search,
if_none_match=if_none_match,

    )).parsed
