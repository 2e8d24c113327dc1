from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.alert_rule import AlertRule
from ...models.alert_rule_request import AlertRuleRequest
from ...models.error import Error
from ...types import UNSET, Unset
from typing import cast



def _get_kwargs(
    *,
    body: AlertRuleRequest,
    idempotency_key: str | Unset = UNSET,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key



    

    

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/alert_rules",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> AlertRule | Error | None:
    if response.status_code == 201:
        response_201 = AlertRule.from_dict(response.json())



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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[AlertRule | Error]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: AlertRuleRequest,
    idempotency_key: str | Unset = UNSET,

) -> Response[AlertRule | Error]:
    """ Create an alert rule

     A rule needs a client, a pipeline or both. With both, it watches only the pipeline.
    `failures_in_window` also needs `threshold` and `window_minutes`.

    Args:
        idempotency_key (str | Unset):
        body (AlertRuleRequest): An alert rule. If a rule has a client and a pipeline, only the
            pipeline counts, and its client owns the rule.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AlertRule | Error]
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
    body: AlertRuleRequest,
    idempotency_key: str | Unset = UNSET,

) -> AlertRule | Error | None:
    """ Create an alert rule

     A rule needs a client, a pipeline or both. With both, it watches only the pipeline.
    `failures_in_window` also needs `threshold` and `window_minutes`.

    Args:
        idempotency_key (str | Unset):
        body (AlertRuleRequest): An alert rule. If a rule has a client and a pipeline, only the
            pipeline counts, and its client owns the rule.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AlertRule | Error
     """


    return sync_detailed(
        client=client,
body=body,
idempotency_key=idempotency_key,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: AlertRuleRequest,
    idempotency_key: str | Unset = UNSET,

) -> Response[AlertRule | Error]:
    """ Create an alert rule

     A rule needs a client, a pipeline or both. With both, it watches only the pipeline.
    `failures_in_window` also needs `threshold` and `window_minutes`.

    Args:
        idempotency_key (str | Unset):
        body (AlertRuleRequest): An alert rule. If a rule has a client and a pipeline, only the
            pipeline counts, and its client owns the rule.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[AlertRule | Error]
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
    body: AlertRuleRequest,
    idempotency_key: str | Unset = UNSET,

) -> AlertRule | Error | None:
    """ Create an alert rule

     A rule needs a client, a pipeline or both. With both, it watches only the pipeline.
    `failures_in_window` also needs `threshold` and `window_minutes`.

    Args:
        idempotency_key (str | Unset):
        body (AlertRuleRequest): An alert rule. If a rule has a client and a pipeline, only the
            pipeline counts, and its client owns the rule.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        AlertRule | Error
     """


    return (await asyncio_detailed(
        client=client,
body=body,
idempotency_key=idempotency_key,

    )).parsed
