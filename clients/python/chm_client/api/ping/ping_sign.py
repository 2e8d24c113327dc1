from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...types import UNSET, Unset
from uuid import UUID



def _get_kwargs(
    key: str,
    sign: str,
    *,
    rid: UUID | Unset = UNSET,

) -> dict[str, Any]:
    

    

    params: dict[str, Any] = {}

    json_rid: str | Unset = UNSET
    if not isinstance(rid, Unset):
        json_rid = str(rid)
    params["rid"] = json_rid


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/ping/{key}/{sign}".format(key=quote(str(key), safe=""),sign=quote(str(sign), safe=""),),
        "params": params,
    }


    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> str | None:
    if response.status_code == 200:
        response_200 = response.text
        return response_200

    if response.status_code == 400:
        response_400 = response.text
        return response_400

    if response.status_code == 403:
        response_403 = response.text
        return response_403

    if response.status_code == 404:
        response_404 = response.text
        return response_404

    if response.status_code == 429:
        response_429 = response.text
        return response_429

    if response.status_code == 500:
        response_500 = response.text
        return response_500

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[str]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    key: str,
    sign: str,
    *,
    client: AuthenticatedClient | Client,
    rid: UUID | Unset = UNSET,

) -> Response[str]:
    """ Report a start, a failure or an exit status

     Start a run (`start`), end it (`fail` or an exit status), or add a text to it (`log`).

    Args:
        key (str):
        sign (str):
        rid (UUID | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[str]
     """


    kwargs = _get_kwargs(
        key=key,
sign=sign,
rid=rid,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    key: str,
    sign: str,
    *,
    client: AuthenticatedClient | Client,
    rid: UUID | Unset = UNSET,

) -> str | None:
    """ Report a start, a failure or an exit status

     Start a run (`start`), end it (`fail` or an exit status), or add a text to it (`log`).

    Args:
        key (str):
        sign (str):
        rid (UUID | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        str
     """


    return sync_detailed(
        key=key,
sign=sign,
client=client,
rid=rid,

    ).parsed

async def asyncio_detailed(
    key: str,
    sign: str,
    *,
    client: AuthenticatedClient | Client,
    rid: UUID | Unset = UNSET,

) -> Response[str]:
    """ Report a start, a failure or an exit status

     Start a run (`start`), end it (`fail` or an exit status), or add a text to it (`log`).

    Args:
        key (str):
        sign (str):
        rid (UUID | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[str]
     """


    kwargs = _get_kwargs(
        key=key,
sign=sign,
rid=rid,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    key: str,
    sign: str,
    *,
    client: AuthenticatedClient | Client,
    rid: UUID | Unset = UNSET,

) -> str | None:
    """ Report a start, a failure or an exit status

     Start a run (`start`), end it (`fail` or an exit status), or add a text to it (`log`).

    Args:
        key (str):
        sign (str):
        rid (UUID | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        str
     """


    return (await asyncio_detailed(
        key=key,
sign=sign,
client=client,
rid=rid,

    )).parsed
