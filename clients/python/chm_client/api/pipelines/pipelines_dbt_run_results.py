from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.error import Error
from ...models.pipelines_dbt_run_results_body import PipelinesDbtRunResultsBody
from ...models.run import Run
from ...types import UNSET, Unset
from typing import cast
from uuid import UUID



def _get_kwargs(
    pipeline_id: UUID,
    *,
    body: PipelinesDbtRunResultsBody | Unset = UNSET,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}


    

    

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/pipelines/{pipeline_id}/dbt_run_results".format(pipeline_id=quote(str(pipeline_id), safe=""),),
    }

    
    if not isinstance(body, Unset):
        _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Error | Run | None:
    if response.status_code == 200:
        response_200 = Run.from_dict(response.json())



        return response_200

    if response.status_code == 201:
        response_201 = Run.from_dict(response.json())



        return response_201

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Error | Run]:
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
    body: PipelinesDbtRunResultsBody | Unset = UNSET,

) -> Response[Error | Run]:
    """ Push dbt's run_results.json

     Store one run per invocation of dbt. The run is failed if a node failed. Its payload contains the
    number of
    nodes by status. If CHM already has this file, or a newer file of the same invocation, nothing
    changes.

    Args:
        pipeline_id (UUID):
        body (PipelinesDbtRunResultsBody | Unset): run_results.json as dbt writes it, with
            metadata and results. Or {run_results, manifest}; the manifest is optional. Example:
            {'metadata': {'invocation_id': 'b7f1e0c2-5d8a-4f3e-9b61-2c4d7a8e9f10', 'generated_at':
            '2026-03-01T10:00:00.123456Z'}, 'results': [{'unique_id': 'model.shop.orders', 'status':
            'success'}]}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | Run]
     """


    kwargs = _get_kwargs(
        pipeline_id=pipeline_id,
body=body,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    pipeline_id: UUID,
    *,
    client: AuthenticatedClient,
    body: PipelinesDbtRunResultsBody | Unset = UNSET,

) -> Error | Run | None:
    """ Push dbt's run_results.json

     Store one run per invocation of dbt. The run is failed if a node failed. Its payload contains the
    number of
    nodes by status. If CHM already has this file, or a newer file of the same invocation, nothing
    changes.

    Args:
        pipeline_id (UUID):
        body (PipelinesDbtRunResultsBody | Unset): run_results.json as dbt writes it, with
            metadata and results. Or {run_results, manifest}; the manifest is optional. Example:
            {'metadata': {'invocation_id': 'b7f1e0c2-5d8a-4f3e-9b61-2c4d7a8e9f10', 'generated_at':
            '2026-03-01T10:00:00.123456Z'}, 'results': [{'unique_id': 'model.shop.orders', 'status':
            'success'}]}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | Run
     """


    return sync_detailed(
        pipeline_id=pipeline_id,
client=client,
body=body,

    ).parsed

async def asyncio_detailed(
    pipeline_id: UUID,
    *,
    client: AuthenticatedClient,
    body: PipelinesDbtRunResultsBody | Unset = UNSET,

) -> Response[Error | Run]:
    """ Push dbt's run_results.json

     Store one run per invocation of dbt. The run is failed if a node failed. Its payload contains the
    number of
    nodes by status. If CHM already has this file, or a newer file of the same invocation, nothing
    changes.

    Args:
        pipeline_id (UUID):
        body (PipelinesDbtRunResultsBody | Unset): run_results.json as dbt writes it, with
            metadata and results. Or {run_results, manifest}; the manifest is optional. Example:
            {'metadata': {'invocation_id': 'b7f1e0c2-5d8a-4f3e-9b61-2c4d7a8e9f10', 'generated_at':
            '2026-03-01T10:00:00.123456Z'}, 'results': [{'unique_id': 'model.shop.orders', 'status':
            'success'}]}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | Run]
     """


    kwargs = _get_kwargs(
        pipeline_id=pipeline_id,
body=body,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    pipeline_id: UUID,
    *,
    client: AuthenticatedClient,
    body: PipelinesDbtRunResultsBody | Unset = UNSET,

) -> Error | Run | None:
    """ Push dbt's run_results.json

     Store one run per invocation of dbt. The run is failed if a node failed. Its payload contains the
    number of
    nodes by status. If CHM already has this file, or a newer file of the same invocation, nothing
    changes.

    Args:
        pipeline_id (UUID):
        body (PipelinesDbtRunResultsBody | Unset): run_results.json as dbt writes it, with
            metadata and results. Or {run_results, manifest}; the manifest is optional. Example:
            {'metadata': {'invocation_id': 'b7f1e0c2-5d8a-4f3e-9b61-2c4d7a8e9f10', 'generated_at':
            '2026-03-01T10:00:00.123456Z'}, 'results': [{'unique_id': 'model.shop.orders', 'status':
            'success'}]}.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | Run
     """


    return (await asyncio_detailed(
        pipeline_id=pipeline_id,
client=client,
body=body,

    )).parsed
