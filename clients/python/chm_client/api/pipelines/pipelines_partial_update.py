from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.error import Error
from ...models.patched_pipeline_update_request import PatchedPipelineUpdateRequest
from ...models.pipeline import Pipeline
from ...types import UNSET, Unset
from typing import cast
from uuid import UUID



def _get_kwargs(
    pipeline_id: UUID,
    *,
    body: PatchedPipelineUpdateRequest | Unset = UNSET,
    if_match: str | Unset = UNSET,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(if_match, Unset):
        headers["If-Match"] = if_match



    

    

    _kwargs: dict[str, Any] = {
        "method": "patch",
        "url": "/api/v1/pipelines/{pipeline_id}".format(pipeline_id=quote(str(pipeline_id), safe=""),),
    }

    
    if not isinstance(body, Unset):
        _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Error | Pipeline | None:
    if response.status_code == 200:
        response_200 = Pipeline.from_dict(response.json())



        return response_200

    if response.status_code == 400:
        response_400 = Error.from_dict(response.json())



        return response_400

    if response.status_code == 401:
        response_401 = Error.from_dict(response.json())



        return response_401

    if response.status_code == 403:
        response_403 = Error.from_dict(response.json())



        return response_403

    if response.status_code == 404:
        response_404 = Error.from_dict(response.json())



        return response_404

    if response.status_code == 406:
        response_406 = Error.from_dict(response.json())



        return response_406

    if response.status_code == 408:
        response_408 = Error.from_dict(response.json())



        return response_408

    if response.status_code == 412:
        response_412 = Error.from_dict(response.json())



        return response_412

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Error | Pipeline]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    pipeline_id: UUID,
    *,
    client: AuthenticatedClient,
    body: PatchedPipelineUpdateRequest | Unset = UNSET,
    if_match: str | Unset = UNSET,

) -> Response[Error | Pipeline]:
    """ Change a pipeline

     Only the fields that are sent are changed. Another `client_id` moves the pipeline and its history to
    that client.

    Args:
        pipeline_id (UUID):
        if_match (str | Unset):
        body (PatchedPipelineUpdateRequest | Unset): The fields for changing a pipeline. A new
            client_id moves the pipeline and its history to another client.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | Pipeline]
     """


    kwargs = _get_kwargs(
        pipeline_id=pipeline_id,
body=body,
if_match=if_match,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    pipeline_id: UUID,
    *,
    client: AuthenticatedClient,
    body: PatchedPipelineUpdateRequest | Unset = UNSET,
    if_match: str | Unset = UNSET,

) -> Error | Pipeline | None:
    """ Change a pipeline

     Only the fields that are sent are changed. Another `client_id` moves the pipeline and its history to
    that client.

    Args:
        pipeline_id (UUID):
        if_match (str | Unset):
        body (PatchedPipelineUpdateRequest | Unset): The fields for changing a pipeline. A new
            client_id moves the pipeline and its history to another client.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | Pipeline
     """


    return sync_detailed(
        pipeline_id=pipeline_id,
client=client,
body=body,
if_match=if_match,

    ).parsed

async def asyncio_detailed(
    pipeline_id: UUID,
    *,
    client: AuthenticatedClient,
    body: PatchedPipelineUpdateRequest | Unset = UNSET,
    if_match: str | Unset = UNSET,

) -> Response[Error | Pipeline]:
    """ Change a pipeline

     Only the fields that are sent are changed. Another `client_id` moves the pipeline and its history to
    that client.

    Args:
        pipeline_id (UUID):
        if_match (str | Unset):
        body (PatchedPipelineUpdateRequest | Unset): The fields for changing a pipeline. A new
            client_id moves the pipeline and its history to another client.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | Pipeline]
     """


    kwargs = _get_kwargs(
        pipeline_id=pipeline_id,
body=body,
if_match=if_match,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    pipeline_id: UUID,
    *,
    client: AuthenticatedClient,
    body: PatchedPipelineUpdateRequest | Unset = UNSET,
    if_match: str | Unset = UNSET,

) -> Error | Pipeline | None:
    """ Change a pipeline

     Only the fields that are sent are changed. Another `client_id` moves the pipeline and its history to
    that client.

    Args:
        pipeline_id (UUID):
        if_match (str | Unset):
        body (PatchedPipelineUpdateRequest | Unset): The fields for changing a pipeline. A new
            client_id moves the pipeline and its history to another client.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | Pipeline
     """


    return (await asyncio_detailed(
        pipeline_id=pipeline_id,
client=client,
body=body,
if_match=if_match,

    )).parsed
