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
from ...models.flaky_ordering import check_flaky_ordering
from ...models.flaky_ordering import FlakyOrdering
from ...models.platform import check_platform
from ...models.platform import Platform
from ...models.top_flaky_pipelines_report import TopFlakyPipelinesReport
from ...types import UNSET, Unset
from typing import cast
from uuid import UUID
import datetime



def _get_kwargs(
    *,
    as_of: datetime.datetime | Unset = UNSET,
    client_id: UUID | Unset = UNSET,
    environment: Environment | Unset = UNSET,
    limit: int | Unset = 20,
    order: FlakyOrdering | Unset = 'failures',
    platform: Platform | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(if_none_match, Unset):
        headers["If-None-Match"] = if_none_match



    

    params: dict[str, Any] = {}

    json_as_of: str | Unset = UNSET
    if not isinstance(as_of, Unset):
        json_as_of = as_of.isoformat()
    params["as_of"] = json_as_of

    json_client_id: str | Unset = UNSET
    if not isinstance(client_id, Unset):
        json_client_id = str(client_id)
    params["client_id"] = json_client_id

    json_environment: str | Unset = UNSET
    if not isinstance(environment, Unset):
        json_environment = environment

    params["environment"] = json_environment

    params["limit"] = limit

    json_order: str | Unset = UNSET
    if not isinstance(order, Unset):
        json_order = order

    params["order"] = json_order

    json_platform: str | Unset = UNSET
    if not isinstance(platform, Unset):
        json_platform = platform

    params["platform"] = json_platform

    json_since: str | Unset = UNSET
    if not isinstance(since, Unset):
        json_since = since.isoformat()
    params["since"] = json_since


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/reports/top_flaky_pipelines",
        "params": params,
    }


    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Any | Error | TopFlakyPipelinesReport | None:
    if response.status_code == 200:
        response_200 = TopFlakyPipelinesReport.from_dict(response.json())



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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Any | Error | TopFlakyPipelinesReport]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    as_of: datetime.datetime | Unset = UNSET,
    client_id: UUID | Unset = UNSET,
    environment: Environment | Unset = UNSET,
    limit: int | Unset = 20,
    order: FlakyOrdering | Unset = 'failures',
    platform: Platform | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Response[Any | Error | TopFlakyPipelinesReport]:
    """ Which pipelines are flaky over time?

     One row per pipeline with a failure between `since` and `as_of`; most failures first; on boards,
    most flips first. Inventory: active. A pipeline that fails every time has many failures and few
    flips. To find pipelines that change between success and failure, order by flips.

    Args:
        as_of (datetime.datetime | Unset):
        client_id (UUID | Unset):
        environment (Environment | Unset):
        limit (int | Unset):  Default: 20.
        order (FlakyOrdering | Unset):  Default: 'failures'.
        platform (Platform | Unset):
        since (datetime.datetime | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Error | TopFlakyPipelinesReport]
     """


    kwargs = _get_kwargs(
        as_of=as_of,
client_id=client_id,
environment=environment,
limit=limit,
order=order,
platform=platform,
since=since,
if_none_match=if_none_match,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    *,
    client: AuthenticatedClient,
    as_of: datetime.datetime | Unset = UNSET,
    client_id: UUID | Unset = UNSET,
    environment: Environment | Unset = UNSET,
    limit: int | Unset = 20,
    order: FlakyOrdering | Unset = 'failures',
    platform: Platform | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Any | Error | TopFlakyPipelinesReport | None:
    """ Which pipelines are flaky over time?

     One row per pipeline with a failure between `since` and `as_of`; most failures first; on boards,
    most flips first. Inventory: active. A pipeline that fails every time has many failures and few
    flips. To find pipelines that change between success and failure, order by flips.

    Args:
        as_of (datetime.datetime | Unset):
        client_id (UUID | Unset):
        environment (Environment | Unset):
        limit (int | Unset):  Default: 20.
        order (FlakyOrdering | Unset):  Default: 'failures'.
        platform (Platform | Unset):
        since (datetime.datetime | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Error | TopFlakyPipelinesReport
     """


    return sync_detailed(
        client=client,
as_of=as_of,
client_id=client_id,
environment=environment,
limit=limit,
order=order,
platform=platform,
since=since,
if_none_match=if_none_match,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    as_of: datetime.datetime | Unset = UNSET,
    client_id: UUID | Unset = UNSET,
    environment: Environment | Unset = UNSET,
    limit: int | Unset = 20,
    order: FlakyOrdering | Unset = 'failures',
    platform: Platform | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Response[Any | Error | TopFlakyPipelinesReport]:
    """ Which pipelines are flaky over time?

     One row per pipeline with a failure between `since` and `as_of`; most failures first; on boards,
    most flips first. Inventory: active. A pipeline that fails every time has many failures and few
    flips. To find pipelines that change between success and failure, order by flips.

    Args:
        as_of (datetime.datetime | Unset):
        client_id (UUID | Unset):
        environment (Environment | Unset):
        limit (int | Unset):  Default: 20.
        order (FlakyOrdering | Unset):  Default: 'failures'.
        platform (Platform | Unset):
        since (datetime.datetime | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Error | TopFlakyPipelinesReport]
     """


    kwargs = _get_kwargs(
        as_of=as_of,
client_id=client_id,
environment=environment,
limit=limit,
order=order,
platform=platform,
since=since,
if_none_match=if_none_match,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    *,
    client: AuthenticatedClient,
    as_of: datetime.datetime | Unset = UNSET,
    client_id: UUID | Unset = UNSET,
    environment: Environment | Unset = UNSET,
    limit: int | Unset = 20,
    order: FlakyOrdering | Unset = 'failures',
    platform: Platform | Unset = UNSET,
    since: datetime.datetime | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Any | Error | TopFlakyPipelinesReport | None:
    """ Which pipelines are flaky over time?

     One row per pipeline with a failure between `since` and `as_of`; most failures first; on boards,
    most flips first. Inventory: active. A pipeline that fails every time has many failures and few
    flips. To find pipelines that change between success and failure, order by flips.

    Args:
        as_of (datetime.datetime | Unset):
        client_id (UUID | Unset):
        environment (Environment | Unset):
        limit (int | Unset):  Default: 20.
        order (FlakyOrdering | Unset):  Default: 'failures'.
        platform (Platform | Unset):
        since (datetime.datetime | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Error | TopFlakyPipelinesReport
     """


    return (await asyncio_detailed(
        client=client,
as_of=as_of,
client_id=client_id,
environment=environment,
limit=limit,
order=order,
platform=platform,
since=since,
if_none_match=if_none_match,

    )).parsed
