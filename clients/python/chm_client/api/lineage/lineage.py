from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.error import Error
from ...models.lineage_answer import LineageAnswer
from ...models.lineage_body_type_0 import LineageBodyType0
from ...models.lineage_body_type_1_item import LineageBodyType1Item
from ...types import UNSET, Unset
from typing import cast



def _get_kwargs(
    *,
    body: LineageBodyType0 | list[LineageBodyType1Item] | Unset = UNSET,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}


    

    

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/lineage",
    }

    
    if isinstance(body, LineageBodyType0):
        _kwargs["json"] = body.to_dict()
    else:
        _kwargs["json"] = []
        for body_type_1_item_data in body:
            body_type_1_item = body_type_1_item_data.to_dict()
            _kwargs["json"].append(body_type_1_item)




    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Error | LineageAnswer | None:
    if response.status_code == 201:
        response_201 = LineageAnswer.from_dict(response.json())



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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Error | LineageAnswer]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: LineageBodyType0 | list[LineageBodyType1Item] | Unset = UNSET,

) -> Response[Error | LineageAnswer]:
    """ Push OpenLineage events, one or a list of up to 1,000

     Store events. They can arrive in any order and repeatedly, and the body can be compressed with gzip.
    The
    token must be bound to a client or a pipeline. A job belongs to the pipeline whose `external_id` is
    `namespace/name`. JobEvent and DatasetEvent are accepted and ignored. If the body is one invalid
    event, the
    response is 400. In a list, CHM rejects only the invalid events.

    Args:
        body (LineageBodyType0 | list[LineageBodyType1Item] | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | LineageAnswer]
     """


    kwargs = _get_kwargs(
        body=body,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    *,
    client: AuthenticatedClient,
    body: LineageBodyType0 | list[LineageBodyType1Item] | Unset = UNSET,

) -> Error | LineageAnswer | None:
    """ Push OpenLineage events, one or a list of up to 1,000

     Store events. They can arrive in any order and repeatedly, and the body can be compressed with gzip.
    The
    token must be bound to a client or a pipeline. A job belongs to the pipeline whose `external_id` is
    `namespace/name`. JobEvent and DatasetEvent are accepted and ignored. If the body is one invalid
    event, the
    response is 400. In a list, CHM rejects only the invalid events.

    Args:
        body (LineageBodyType0 | list[LineageBodyType1Item] | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | LineageAnswer
     """


    return sync_detailed(
        client=client,
body=body,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: LineageBodyType0 | list[LineageBodyType1Item] | Unset = UNSET,

) -> Response[Error | LineageAnswer]:
    """ Push OpenLineage events, one or a list of up to 1,000

     Store events. They can arrive in any order and repeatedly, and the body can be compressed with gzip.
    The
    token must be bound to a client or a pipeline. A job belongs to the pipeline whose `external_id` is
    `namespace/name`. JobEvent and DatasetEvent are accepted and ignored. If the body is one invalid
    event, the
    response is 400. In a list, CHM rejects only the invalid events.

    Args:
        body (LineageBodyType0 | list[LineageBodyType1Item] | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Error | LineageAnswer]
     """


    kwargs = _get_kwargs(
        body=body,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    *,
    client: AuthenticatedClient,
    body: LineageBodyType0 | list[LineageBodyType1Item] | Unset = UNSET,

) -> Error | LineageAnswer | None:
    """ Push OpenLineage events, one or a list of up to 1,000

     Store events. They can arrive in any order and repeatedly, and the body can be compressed with gzip.
    The
    token must be bound to a client or a pipeline. A job belongs to the pipeline whose `external_id` is
    `namespace/name`. JobEvent and DatasetEvent are accepted and ignored. If the body is one invalid
    event, the
    response is 400. In a list, CHM rejects only the invalid events.

    Args:
        body (LineageBodyType0 | list[LineageBodyType1Item] | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Error | LineageAnswer
     """


    return (await asyncio_detailed(
        client=client,
body=body,

    )).parsed
