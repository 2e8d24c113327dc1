from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.error import Error
from ...models.sync_request_request import SyncRequestRequest
from ...models.sync_started import SyncStarted
from ...types import UNSET, Unset
from typing import cast



def _get_kwargs(
    *,
    body: SyncRequestRequest | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key



    

    

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/ingestion/runs/sync",
    }

    
    if not isinstance(body, Unset):
        _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Error | SyncStarted | None:
    if response.status_code == 202:
        response_202 = SyncStarted.from_dict(response.json())



        return response_202

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

    if response.status_code == 408:
        response_408 = Error.from_dict(response.json())



        return response_408

    if response.status_code == 409:
        response_409 = Error.from_dict(response.json())



        return response_409

    if response.status_code == 415:
        response_415 = Error.from_dict(response.json())



        return response_415

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Error | SyncStarted]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: SyncRequestRequest | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,

) -> Response[Error | SyncStarted]:
    """ Start an ingestion

     Ingest all connections, or one connection, client or pipeline.

    A worker ingests in the background. Read the state with the returned `task_id`.

    Args:
        idempotency_key (str | Unset):
        body (SyncRequestRequest | Unset): The part to ingest; everything if no field is given.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | SyncStarted]
     """


    kwargs = _get_kwargs(
        body=body,
idempotency_key=idempotency_key,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    *,
    client: AuthenticatedClient,
    body: SyncRequestRequest | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,

) -> Error | SyncStarted | None:
    """ Start an ingestion

     Ingest all connections, or one connection, client or pipeline.

    A worker ingests in the background. Read the state with the returned `task_id`.

    Args:
        idempotency_key (str | Unset):
        body (SyncRequestRequest | Unset): The part to ingest; everything if no field is given.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | SyncStarted
     """


    return sync_detailed(
        client=client,
body=body,
idempotency_key=idempotency_key,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: SyncRequestRequest | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,

) -> Response[Error | SyncStarted]:
    """ Start an ingestion

     Ingest all connections, or one connection, client or pipeline.

    A worker ingests in the background. Read the state with the returned `task_id`.

    Args:
        idempotency_key (str | Unset):
        body (SyncRequestRequest | Unset): The part to ingest; everything if no field is given.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | SyncStarted]
     """


    kwargs = _get_kwargs(
        body=body,
idempotency_key=idempotency_key,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    *,
    client: AuthenticatedClient,
    body: SyncRequestRequest | Unset = UNSET,
    idempotency_key: str | Unset = UNSET,

) -> Error | SyncStarted | None:
    """ Start an ingestion

     Ingest all connections, or one connection, client or pipeline.

    A worker ingests in the background. Read the state with the returned `task_id`.

    Args:
        idempotency_key (str | Unset):
        body (SyncRequestRequest | Unset): The part to ingest; everything if no field is given.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | SyncStarted
     """


    return (await asyncio_detailed(
        client=client,
body=body,
idempotency_key=idempotency_key,

    )).parsed
