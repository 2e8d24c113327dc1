from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.environment import check_environment
from ...models.environment import Environment
from ...models.error import Error
from ...models.paginated_run_list import PaginatedRunList
from ...models.platform import check_platform
from ...models.platform import Platform
from ...models.run_field import check_run_field
from ...models.run_field import RunField
from ...models.run_ordering import check_run_ordering
from ...models.run_ordering import RunOrdering
from ...models.run_status import check_run_status
from ...models.run_status import RunStatus
from ...types import UNSET, Unset
from typing import cast
from uuid import UUID
import datetime



def _get_kwargs(
    *,
    client_id: list[UUID] | Unset = UNSET,
    cursor: str | Unset = UNSET,
    environment: list[Environment] | Unset = UNSET,
    external_run_id: str | Unset = UNSET,
    fields: list[RunField] | Unset = UNSET,
    limit: int | Unset = 100,
    ordering: RunOrdering | Unset = UNSET,
    pipeline_id: list[UUID] | Unset = UNSET,
    platform: list[Platform] | Unset = UNSET,
    q: str | Unset = UNSET,
    search: str | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    status: list[RunStatus] | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
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

    params["external_run_id"] = external_run_id

    json_fields: list[str] | Unset = UNSET
    if not isinstance(fields, Unset):
        json_fields = []
        for fields_item_data in fields:
            fields_item: str = fields_item_data
            json_fields.append(fields_item)


    params["fields"] = json_fields

    params["limit"] = limit

    json_ordering: str | Unset = UNSET
    if not isinstance(ordering, Unset):
        json_ordering = ordering

    params["ordering"] = json_ordering

    json_pipeline_id: list[str] | Unset = UNSET
    if not isinstance(pipeline_id, Unset):
        json_pipeline_id = []
        for pipeline_id_item_data in pipeline_id:
            pipeline_id_item = str(pipeline_id_item_data)
            json_pipeline_id.append(pipeline_id_item)


    params["pipeline_id"] = json_pipeline_id

    json_platform: list[str] | Unset = UNSET
    if not isinstance(platform, Unset):
        json_platform = []
        for platform_item_data in platform:
            platform_item: str = platform_item_data
            json_platform.append(platform_item)


    params["platform"] = json_platform

    params["q"] = q

    params["search"] = search

    json_since: str | Unset = UNSET
    if not isinstance(since, Unset):
        json_since = since.isoformat()
    params["since"] = json_since

    json_status: list[str] | Unset = UNSET
    if not isinstance(status, Unset):
        json_status = []
        for status_item_data in status:
            status_item: str = status_item_data
            json_status.append(status_item)


    params["status"] = json_status

    json_until: str | Unset = UNSET
    if not isinstance(until, Unset):
        json_until = until.isoformat()
    params["until"] = json_until


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/runs",
        "params": params,
    }


    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Any | Error | PaginatedRunList | None:
    if response.status_code == 200:
        response_200 = PaginatedRunList.from_dict(response.json())



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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Any | Error | PaginatedRunList]:
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
    external_run_id: str | Unset = UNSET,
    fields: list[RunField] | Unset = UNSET,
    limit: int | Unset = 100,
    ordering: RunOrdering | Unset = UNSET,
    pipeline_id: list[UUID] | Unset = UNSET,
    platform: list[Platform] | Unset = UNSET,
    q: str | Unset = UNSET,
    search: str | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    status: list[RunStatus] | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Response[Any | Error | PaginatedRunList]:
    """ List runs across pipelines, latest `event_at` first

     `since` and `until` filter by `event_at`, the time at which a run ended. For a run without an end,
    `event_at` is its start, else the time at which CHM stored it. `since` must be before `until`. To
    filter by `started_at`, list the runs of one pipeline.

    Args:
        client_id (list[UUID] | Unset):
        cursor (str | Unset):
        environment (list[Environment] | Unset):
        external_run_id (str | Unset):
        fields (list[RunField] | Unset):
        limit (int | Unset):  Default: 100.
        ordering (RunOrdering | Unset):
        pipeline_id (list[UUID] | Unset):
        platform (list[Platform] | Unset):
        q (str | Unset):
        search (str | Unset):
        since (datetime.datetime | Unset):
        status (list[RunStatus] | Unset):
        until (datetime.datetime | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Error | PaginatedRunList]
     """


    kwargs = _get_kwargs(
        client_id=client_id,
cursor=cursor,
environment=environment,
external_run_id=external_run_id,
fields=fields,
limit=limit,
ordering=ordering,
pipeline_id=pipeline_id,
platform=platform,
q=q,
search=search,
since=since,
status=status,
until=until,
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
    external_run_id: str | Unset = UNSET,
    fields: list[RunField] | Unset = UNSET,
    limit: int | Unset = 100,
    ordering: RunOrdering | Unset = UNSET,
    pipeline_id: list[UUID] | Unset = UNSET,
    platform: list[Platform] | Unset = UNSET,
    q: str | Unset = UNSET,
    search: str | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    status: list[RunStatus] | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Any | Error | PaginatedRunList | None:
    """ List runs across pipelines, latest `event_at` first

     `since` and `until` filter by `event_at`, the time at which a run ended. For a run without an end,
    `event_at` is its start, else the time at which CHM stored it. `since` must be before `until`. To
    filter by `started_at`, list the runs of one pipeline.

    Args:
        client_id (list[UUID] | Unset):
        cursor (str | Unset):
        environment (list[Environment] | Unset):
        external_run_id (str | Unset):
        fields (list[RunField] | Unset):
        limit (int | Unset):  Default: 100.
        ordering (RunOrdering | Unset):
        pipeline_id (list[UUID] | Unset):
        platform (list[Platform] | Unset):
        q (str | Unset):
        search (str | Unset):
        since (datetime.datetime | Unset):
        status (list[RunStatus] | Unset):
        until (datetime.datetime | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Error | PaginatedRunList
     """


    return sync_detailed(
        client=client,
client_id=client_id,
cursor=cursor,
environment=environment,
external_run_id=external_run_id,
fields=fields,
limit=limit,
ordering=ordering,
pipeline_id=pipeline_id,
platform=platform,
q=q,
search=search,
since=since,
status=status,
until=until,
if_none_match=if_none_match,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    client_id: list[UUID] | Unset = UNSET,
    cursor: str | Unset = UNSET,
    environment: list[Environment] | Unset = UNSET,
    external_run_id: str | Unset = UNSET,
    fields: list[RunField] | Unset = UNSET,
    limit: int | Unset = 100,
    ordering: RunOrdering | Unset = UNSET,
    pipeline_id: list[UUID] | Unset = UNSET,
    platform: list[Platform] | Unset = UNSET,
    q: str | Unset = UNSET,
    search: str | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    status: list[RunStatus] | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Response[Any | Error | PaginatedRunList]:
    """ List runs across pipelines, latest `event_at` first

     `since` and `until` filter by `event_at`, the time at which a run ended. For a run without an end,
    `event_at` is its start, else the time at which CHM stored it. `since` must be before `until`. To
    filter by `started_at`, list the runs of one pipeline.

    Args:
        client_id (list[UUID] | Unset):
        cursor (str | Unset):
        environment (list[Environment] | Unset):
        external_run_id (str | Unset):
        fields (list[RunField] | Unset):
        limit (int | Unset):  Default: 100.
        ordering (RunOrdering | Unset):
        pipeline_id (list[UUID] | Unset):
        platform (list[Platform] | Unset):
        q (str | Unset):
        search (str | Unset):
        since (datetime.datetime | Unset):
        status (list[RunStatus] | Unset):
        until (datetime.datetime | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Error | PaginatedRunList]
     """


    kwargs = _get_kwargs(
        client_id=client_id,
cursor=cursor,
environment=environment,
external_run_id=external_run_id,
fields=fields,
limit=limit,
ordering=ordering,
pipeline_id=pipeline_id,
platform=platform,
q=q,
search=search,
since=since,
status=status,
until=until,
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
    external_run_id: str | Unset = UNSET,
    fields: list[RunField] | Unset = UNSET,
    limit: int | Unset = 100,
    ordering: RunOrdering | Unset = UNSET,
    pipeline_id: list[UUID] | Unset = UNSET,
    platform: list[Platform] | Unset = UNSET,
    q: str | Unset = UNSET,
    search: str | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    status: list[RunStatus] | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Any | Error | PaginatedRunList | None:
    """ List runs across pipelines, latest `event_at` first

     `since` and `until` filter by `event_at`, the time at which a run ended. For a run without an end,
    `event_at` is its start, else the time at which CHM stored it. `since` must be before `until`. To
    filter by `started_at`, list the runs of one pipeline.

    Args:
        client_id (list[UUID] | Unset):
        cursor (str | Unset):
        environment (list[Environment] | Unset):
        external_run_id (str | Unset):
        fields (list[RunField] | Unset):
        limit (int | Unset):  Default: 100.
        ordering (RunOrdering | Unset):
        pipeline_id (list[UUID] | Unset):
        platform (list[Platform] | Unset):
        q (str | Unset):
        search (str | Unset):
        since (datetime.datetime | Unset):
        status (list[RunStatus] | Unset):
        until (datetime.datetime | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Error | PaginatedRunList
     """


    return (await asyncio_detailed(
        client=client,
client_id=client_id,
cursor=cursor,
environment=environment,
external_run_id=external_run_id,
fields=fields,
limit=limit,
ordering=ordering,
pipeline_id=pipeline_id,
platform=platform,
q=q,
search=search,
since=since,
status=status,
until=until,
if_none_match=if_none_match,

    )).parsed
