from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.alert_rule import AlertRule
from ...models.error import Error
from ...models.patched_alert_rule_request import PatchedAlertRuleRequest
from ...types import UNSET, Unset
from typing import cast
from uuid import UUID



def _get_kwargs(
    rule_id: UUID,
    *,
    body: PatchedAlertRuleRequest | Unset = UNSET,
    if_match: str | Unset = UNSET,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(if_match, Unset):
        headers["If-Match"] = if_match



    

    

    _kwargs: dict[str, Any] = {
        "method": "patch",
        "url": "/api/v1/alert_rules/{rule_id}".format(rule_id=quote(str(rule_id), safe=""),),
    }

    
    if not isinstance(body, Unset):
        _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> AlertRule | Error | None:
    if response.status_code == 200:
        response_200 = AlertRule.from_dict(response.json())



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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[AlertRule | Error]:
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
    body: PatchedAlertRuleRequest | Unset = UNSET,
    if_match: str | Unset = UNSET,

) -> Response[AlertRule | Error]:
    """ Change, enable or disable an alert rule

     Only the fields that are sent are changed.

    Args:
        rule_id (UUID):
        if_match (str | Unset):
        body (PatchedAlertRuleRequest | Unset): An alert rule. If a rule has a client and a
            pipeline, only the pipeline counts, and its client owns the rule.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AlertRule | Error]
     """


    kwargs = _get_kwargs(
        rule_id=rule_id,
body=body,
if_match=if_match,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    rule_id: UUID,
    *,
    client: AuthenticatedClient,
    body: PatchedAlertRuleRequest | Unset = UNSET,
    if_match: str | Unset = UNSET,

) -> AlertRule | Error | None:
    """ Change, enable or disable an alert rule

     Only the fields that are sent are changed.

    Args:
        rule_id (UUID):
        if_match (str | Unset):
        body (PatchedAlertRuleRequest | Unset): An alert rule. If a rule has a client and a
            pipeline, only the pipeline counts, and its client owns the rule.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AlertRule | Error
     """


    return sync_detailed(
        rule_id=rule_id,
client=client,
body=body,
if_match=if_match,

    ).parsed

async def asyncio_detailed(
    rule_id: UUID,
    *,
    client: AuthenticatedClient,
    body: PatchedAlertRuleRequest | Unset = UNSET,
    if_match: str | Unset = UNSET,

) -> Response[AlertRule | Error]:
    """ Change, enable or disable an alert rule

     Only the fields that are sent are changed.

    Args:
        rule_id (UUID):
        if_match (str | Unset):
        body (PatchedAlertRuleRequest | Unset): An alert rule. If a rule has a client and a
            pipeline, only the pipeline counts, and its client owns the rule.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AlertRule | Error]
     """


    kwargs = _get_kwargs(
        rule_id=rule_id,
body=body,
if_match=if_match,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    rule_id: UUID,
    *,
    client: AuthenticatedClient,
    body: PatchedAlertRuleRequest | Unset = UNSET,
    if_match: str | Unset = UNSET,

) -> AlertRule | Error | None:
    """ Change, enable or disable an alert rule

     Only the fields that are sent are changed.

    Args:
        rule_id (UUID):
        if_match (str | Unset):
        body (PatchedAlertRuleRequest | Unset): An alert rule. If a rule has a client and a
            pipeline, only the pipeline counts, and its client owns the rule.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AlertRule | Error
     """


    return (await asyncio_detailed(
        rule_id=rule_id,
client=client,
body=body,
if_match=if_match,

    )).parsed
