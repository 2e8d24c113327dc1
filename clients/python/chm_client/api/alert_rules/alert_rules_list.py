from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.alert_channel import AlertChannel
from ...models.alert_channel import check_alert_channel
from ...models.alert_rule_field import AlertRuleField
from ...models.alert_rule_field import check_alert_rule_field
from ...models.alert_rule_ordering import AlertRuleOrdering
from ...models.alert_rule_ordering import check_alert_rule_ordering
from ...models.error import Error
from ...models.paginated_alert_rule_list import PaginatedAlertRuleList
from ...models.rule_type import check_rule_type
from ...models.rule_type import RuleType
from ...types import UNSET, Unset
from typing import cast
from uuid import UUID



def _get_kwargs(
    *,
    channel: list[AlertChannel] | Unset = UNSET,
    client_id: UUID | Unset = UNSET,
    cursor: str | Unset = UNSET,
    fields: list[AlertRuleField] | Unset = UNSET,
    include_known: bool | Unset = UNSET,
    is_enabled: bool | Unset = UNSET,
    limit: int | Unset = 100,
    ordering: AlertRuleOrdering | Unset = UNSET,
    pipeline_id: list[UUID] | Unset = UNSET,
    rule_type: list[RuleType] | Unset = UNSET,
    search: str | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(if_none_match, Unset):
        headers["If-None-Match"] = if_none_match



    

    params: dict[str, Any] = {}

    json_channel: list[str] | Unset = UNSET
    if not isinstance(channel, Unset):
        json_channel = []
        for channel_item_data in channel:
            channel_item: str = channel_item_data
            json_channel.append(channel_item)


    params["channel"] = json_channel

    json_client_id: str | Unset = UNSET
    if not isinstance(client_id, Unset):
        json_client_id = str(client_id)
    params["client_id"] = json_client_id

    params["cursor"] = cursor

    json_fields: list[str] | Unset = UNSET
    if not isinstance(fields, Unset):
        json_fields = []
        for fields_item_data in fields:
            fields_item: str = fields_item_data
            json_fields.append(fields_item)


    params["fields"] = json_fields

    params["include_known"] = include_known

    params["is_enabled"] = is_enabled

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

    json_rule_type: list[str] | Unset = UNSET
    if not isinstance(rule_type, Unset):
        json_rule_type = []
        for rule_type_item_data in rule_type:
            rule_type_item: str = rule_type_item_data
            json_rule_type.append(rule_type_item)


    params["rule_type"] = json_rule_type

    params["search"] = search


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/alert_rules",
        "params": params,
    }


    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Any | Error | PaginatedAlertRuleList | None:
    if response.status_code == 200:
        response_200 = PaginatedAlertRuleList.from_dict(response.json())



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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[Any | Error | PaginatedAlertRuleList]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    channel: list[AlertChannel] | Unset = UNSET,
    client_id: UUID | Unset = UNSET,
    cursor: str | Unset = UNSET,
    fields: list[AlertRuleField] | Unset = UNSET,
    include_known: bool | Unset = UNSET,
    is_enabled: bool | Unset = UNSET,
    limit: int | Unset = 100,
    ordering: AlertRuleOrdering | Unset = UNSET,
    pipeline_id: list[UUID] | Unset = UNSET,
    rule_type: list[RuleType] | Unset = UNSET,
    search: str | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Response[Any | Error | PaginatedAlertRuleList]:
    """ List alert rules, oldest first

     Enabled and disabled rules are listed. The filter `client_id` excludes rules with a pipeline.

    Args:
        channel (list[AlertChannel] | Unset):
        client_id (UUID | Unset):
        cursor (str | Unset):
        fields (list[AlertRuleField] | Unset):
        include_known (bool | Unset):
        is_enabled (bool | Unset):
        limit (int | Unset):  Default: 100.
        ordering (AlertRuleOrdering | Unset):
        pipeline_id (list[UUID] | Unset):
        rule_type (list[RuleType] | Unset):
        search (str | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Error | PaginatedAlertRuleList]
     """


    kwargs = _get_kwargs(
        channel=channel,
client_id=client_id,
cursor=cursor,
fields=fields,
include_known=include_known,
is_enabled=is_enabled,
limit=limit,
ordering=ordering,
pipeline_id=pipeline_id,
rule_type=rule_type,
search=search,
if_none_match=if_none_match,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    *,
    client: AuthenticatedClient,
    channel: list[AlertChannel] | Unset = UNSET,
    client_id: UUID | Unset = UNSET,
    cursor: str | Unset = UNSET,
    fields: list[AlertRuleField] | Unset = UNSET,
    include_known: bool | Unset = UNSET,
    is_enabled: bool | Unset = UNSET,
    limit: int | Unset = 100,
    ordering: AlertRuleOrdering | Unset = UNSET,
    pipeline_id: list[UUID] | Unset = UNSET,
    rule_type: list[RuleType] | Unset = UNSET,
    search: str | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Any | Error | PaginatedAlertRuleList | None:
    """ List alert rules, oldest first

     Enabled and disabled rules are listed. The filter `client_id` excludes rules with a pipeline.

    Args:
        channel (list[AlertChannel] | Unset):
        client_id (UUID | Unset):
        cursor (str | Unset):
        fields (list[AlertRuleField] | Unset):
        include_known (bool | Unset):
        is_enabled (bool | Unset):
        limit (int | Unset):  Default: 100.
        ordering (AlertRuleOrdering | Unset):
        pipeline_id (list[UUID] | Unset):
        rule_type (list[RuleType] | Unset):
        search (str | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Error | PaginatedAlertRuleList
     """


    return sync_detailed(
        client=client,
channel=channel,
client_id=client_id,
cursor=cursor,
fields=fields,
include_known=include_known,
is_enabled=is_enabled,
limit=limit,
ordering=ordering,
pipeline_id=pipeline_id,
rule_type=rule_type,
search=search,
if_none_match=if_none_match,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    channel: list[AlertChannel] | Unset = UNSET,
    client_id: UUID | Unset = UNSET,
    cursor: str | Unset = UNSET,
    fields: list[AlertRuleField] | Unset = UNSET,
    include_known: bool | Unset = UNSET,
    is_enabled: bool | Unset = UNSET,
    limit: int | Unset = 100,
    ordering: AlertRuleOrdering | Unset = UNSET,
    pipeline_id: list[UUID] | Unset = UNSET,
    rule_type: list[RuleType] | Unset = UNSET,
    search: str | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Response[Any | Error | PaginatedAlertRuleList]:
    """ List alert rules, oldest first

     Enabled and disabled rules are listed. The filter `client_id` excludes rules with a pipeline.

    Args:
        channel (list[AlertChannel] | Unset):
        client_id (UUID | Unset):
        cursor (str | Unset):
        fields (list[AlertRuleField] | Unset):
        include_known (bool | Unset):
        is_enabled (bool | Unset):
        limit (int | Unset):  Default: 100.
        ordering (AlertRuleOrdering | Unset):
        pipeline_id (list[UUID] | Unset):
        rule_type (list[RuleType] | Unset):
        search (str | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Any | Error | PaginatedAlertRuleList]
     """


    kwargs = _get_kwargs(
        channel=channel,
client_id=client_id,
cursor=cursor,
fields=fields,
include_known=include_known,
is_enabled=is_enabled,
limit=limit,
ordering=ordering,
pipeline_id=pipeline_id,
rule_type=rule_type,
search=search,
if_none_match=if_none_match,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    *,
    client: AuthenticatedClient,
    channel: list[AlertChannel] | Unset = UNSET,
    client_id: UUID | Unset = UNSET,
    cursor: str | Unset = UNSET,
    fields: list[AlertRuleField] | Unset = UNSET,
    include_known: bool | Unset = UNSET,
    is_enabled: bool | Unset = UNSET,
    limit: int | Unset = 100,
    ordering: AlertRuleOrdering | Unset = UNSET,
    pipeline_id: list[UUID] | Unset = UNSET,
    rule_type: list[RuleType] | Unset = UNSET,
    search: str | Unset = UNSET,
    if_none_match: str | Unset = UNSET,

) -> Any | Error | PaginatedAlertRuleList | None:
    """ List alert rules, oldest first

     Enabled and disabled rules are listed. The filter `client_id` excludes rules with a pipeline.

    Args:
        channel (list[AlertChannel] | Unset):
        client_id (UUID | Unset):
        cursor (str | Unset):
        fields (list[AlertRuleField] | Unset):
        include_known (bool | Unset):
        is_enabled (bool | Unset):
        limit (int | Unset):  Default: 100.
        ordering (AlertRuleOrdering | Unset):
        pipeline_id (list[UUID] | Unset):
        rule_type (list[RuleType] | Unset):
        search (str | Unset):
        if_none_match (str | Unset):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Any | Error | PaginatedAlertRuleList
     """


    return (await asyncio_detailed(
        client=client,
channel=channel,
client_id=client_id,
cursor=cursor,
fields=fields,
include_known=include_known,
is_enabled=is_enabled,
limit=limit,
ordering=ordering,
pipeline_id=pipeline_id,
rule_type=rule_type,
search=search,
if_none_match=if_none_match,

    )).parsed
