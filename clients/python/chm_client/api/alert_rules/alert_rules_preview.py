from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.error import Error
from ...models.preview import Preview
from ...types import UNSET, Unset
from typing import cast
from uuid import UUID
import datetime



def _get_kwargs(
    rule_id: UUID,
    *,
    since: datetime.datetime | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(if_none_match, Unset):
        headers["If-None-Match"] = if_none_match



    

    params: dict[str, Any] = {}

    json_since: str | Unset = UNSET
    if not isinstance(since, Unset):
        json_since = since.isoformat()
    params["since"] = json_since

    json_until: str | Unset = UNSET
    if not isinstance(until, Unset):
        json_until = until.isoformat()
    params["until"] = json_until


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/alert_rules/{rule_id}/preview".format(rule_id=quote(str(rule_id), safe=""),),
        "params": params,
    }


    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Any | Error | Preview | None:
    if response.status_code == 200:
        response_200 = Preview.from_dict(response.json())



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

    if response.status_code == 404:
        response_404 = Error.from_dict(response.json())



        return response_404

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Any | Error | Preview]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    rule_id: UUID,
    *,
    client: AuthenticatedClient,
    since: datetime.datetime | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Response[Any | Error | Preview]:
    """ Preview when a rule would have fired

     Return when the rule would have fired in the window, based on the runs that are stored now.

    A rule with `on_failure` fires while one of its pipelines is failing. A pipeline is failing if its
    latest
    decisive run failed. A run is decisive if it succeeded or failed. A rule with `failures_in_window`
    fires while
    at least `threshold` runs of its pipelines failed within the last `window_minutes`.

    A rule whose `include_known` is false ignores a failure as soon as it is known. CHM stores only the
    present
    mark of a pipeline, so the preview counts a failure whose mark has ended.

    Before its `event_at`, a run counts as running. Disabled clients and pipelines are excluded. No item
    ends after
    the current time. `since` and `until` can be at most 400 days apart.

    Args:
        rule_id (UUID):
        since (datetime.datetime | Unset):
        until (datetime.datetime | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Error | Preview]
     """


    kwargs = _get_kwargs(
        rule_id=rule_id,
since=since,
until=until,
if_none_match=if_none_match,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    rule_id: UUID,
    *,
    client: AuthenticatedClient,
    since: datetime.datetime | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Any | Error | Preview | None:
    """ Preview when a rule would have fired

     Return when the rule would have fired in the window, based on the runs that are stored now.

    A rule with `on_failure` fires while one of its pipelines is failing. A pipeline is failing if its
    latest
    decisive run failed. A run is decisive if it succeeded or failed. A rule with `failures_in_window`
    fires while
    at least `threshold` runs of its pipelines failed within the last `window_minutes`.

    A rule whose `include_known` is false ignores a failure as soon as it is known. CHM stores only the
    present
    mark of a pipeline, so the preview counts a failure whose mark has ended.

    Before its `event_at`, a run counts as running. Disabled clients and pipelines are excluded. No item
    ends after
    the current time. `since` and `until` can be at most 400 days apart.

    Args:
        rule_id (UUID):
        since (datetime.datetime | Unset):
        until (datetime.datetime | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Error | Preview
     """


    return sync_detailed(
        rule_id=rule_id,
client=client,
since=since,
until=until,
if_none_match=if_none_match,

    ).parsed

async def asyncio_detailed(
    rule_id: UUID,
    *,
    client: AuthenticatedClient,
    since: datetime.datetime | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Response[Any | Error | Preview]:
    """ Preview when a rule would have fired

     Return when the rule would have fired in the window, based on the runs that are stored now.

    A rule with `on_failure` fires while one of its pipelines is failing. A pipeline is failing if its
    latest
    decisive run failed. A run is decisive if it succeeded or failed. A rule with `failures_in_window`
    fires while
    at least `threshold` runs of its pipelines failed within the last `window_minutes`.

    A rule whose `include_known` is false ignores a failure as soon as it is known. CHM stores only the
    present
    mark of a pipeline, so the preview counts a failure whose mark has ended.

    Before its `event_at`, a run counts as running. Disabled clients and pipelines are excluded. No item
    ends after
    the current time. `since` and `until` can be at most 400 days apart.

    Args:
        rule_id (UUID):
        since (datetime.datetime | Unset):
        until (datetime.datetime | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Error | Preview]
     """


    kwargs = _get_kwargs(
        rule_id=rule_id,
since=since,
until=until,
if_none_match=if_none_match,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    rule_id: UUID,
    *,
    client: AuthenticatedClient,
    since: datetime.datetime | Unset = UNSET,
    until: datetime.datetime | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Any | Error | Preview | None:
    """ Preview when a rule would have fired

     Return when the rule would have fired in the window, based on the runs that are stored now.

    A rule with `on_failure` fires while one of its pipelines is failing. A pipeline is failing if its
    latest
    decisive run failed. A run is decisive if it succeeded or failed. A rule with `failures_in_window`
    fires while
    at least `threshold` runs of its pipelines failed within the last `window_minutes`.

    A rule whose `include_known` is false ignores a failure as soon as it is known. CHM stores only the
    present
    mark of a pipeline, so the preview counts a failure whose mark has ended.

    Before its `event_at`, a run counts as running. Disabled clients and pipelines are excluded. No item
    ends after
    the current time. `since` and `until` can be at most 400 days apart.

    Args:
        rule_id (UUID):
        since (datetime.datetime | Unset):
        until (datetime.datetime | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Error | Preview
     """


    return (await asyncio_detailed(
        rule_id=rule_id,
client=client,
since=since,
until=until,
if_none_match=if_none_match,

    )).parsed
