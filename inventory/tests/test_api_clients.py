"""Clients over the API: create, list, retrieve, update, disable."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from chm_project.tests.api import ROOT, UNKNOWN_ID, api_with_scope, assert_error, field_errors, items, post_json
from inventory.models import Client
from inventory.tests.factories import ClientFactory

CLIENTS_URL = f"{ROOT}/clients"


@pytest.fixture
def api(db: None) -> APIClient:
    return api_with_scope("write")


@pytest.mark.proves("FR-002", "AC-001")
def test_creating_a_client_returns_201_and_the_client(api: APIClient) -> None:
    response = api.post(CLIENTS_URL, {"name": "Northwind"})

    assert response.status_code == 201
    client = Client.objects.get()
    assert response.json() == {
        "id": str(client.pk),
        "name": "Northwind",
        "is_active": True,
        "created_at": client.created_at.isoformat().replace("+00:00", "Z"),
        "updated_at": client.updated_at.isoformat().replace("+00:00", "Z"),
    }
    assert uuid.UUID(response.json()["id"]).version == 7


@pytest.mark.proves("SC-005")
@pytest.mark.parametrize("name", ["x", "é" * 255, " kept as sent ", "O'Neil; DROP TABLE clients", "日本", "%_\\"])
def test_every_valid_name_is_stored_as_sent(api: APIClient, name: str) -> None:
    created = api.post(CLIENTS_URL, {"name": name}).json()

    assert api.get(f"{CLIENTS_URL}/{created['id']}").json()["name"] == name


@pytest.mark.proves("AC-002", "SC-005")
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param({}, {"name"}, id="nothing"),
        pytest.param({"name": None}, {"name"}, id="null"),
        pytest.param({"name": ""}, {"name"}, id="empty"),
        pytest.param({"name": " \t\n"}, {"name"}, id="blank"),
        pytest.param({"name": "x" * 256}, {"name"}, id="too long"),
        pytest.param({"name": 7}, {"name"}, id="a number"),
        pytest.param({"name": ["x"]}, {"name"}, id="a list"),
        pytest.param({"name": "a\0b"}, {"name"}, id="null character"),
        pytest.param({"name": "\ud800"}, {"name"}, id="half a surrogate pair"),
        pytest.param({"name": "x", "is_active": "yes"}, {"is_active"}, id="a word for a flag"),
        pytest.param({"name": "x", "is_active": 1}, {"is_active"}, id="a number for a flag"),
        pytest.param({"name": "x", "is_active": None}, {"is_active"}, id="null for a flag"),
        pytest.param({"name": "x", "nmae": "y"}, {"nmae"}, id="unknown field"),
        pytest.param({"name": "x", "id": UNKNOWN_ID}, {"id"}, id="read-only field"),
        pytest.param({"name": "", "is_active": 3, "wrong": 1, "created_at": 1},
                     {"name", "is_active", "wrong", "created_at"}, id="several fields"),
    ],
)  # fmt: skip
def test_the_error_names_every_invalid_field_and_nothing_is_stored(
    api: APIClient, body: dict[str, Any], fields: set[str]
) -> None:
    issues = field_errors(post_json(api, CLIENTS_URL, body))

    assert set(issues) == fields
    assert not Client.objects.exists()


@pytest.mark.parametrize("body", [[], "name", 5, None, [{"name": "x"}]])
def test_a_body_that_is_not_an_object_is_refused(api: APIClient, body: Any) -> None:
    assert set(field_errors(post_json(api, CLIENTS_URL, body))) == {"body"}


@pytest.mark.proves("FR-002")
@pytest.mark.parametrize("name", ["Northwind", "northwind", "NORTHWIND"])
def test_a_taken_name_is_refused(api: APIClient, name: str) -> None:
    ClientFactory.create(name="Northwind")

    issues = field_errors(api.post(CLIENTS_URL, {"name": name}))

    assert issues == {"name": ["A client with this name exists already; upper and lower case are the same."]}


@pytest.mark.proves("FR-002")
def test_the_list_contains_active_clients_sorted_by_name(api: APIClient) -> None:
    ClientFactory.create(name="b")
    ClientFactory.create(name="a")
    ClientFactory.create(name="c", is_active=False)

    assert [client["name"] for client in items(api.get(CLIENTS_URL))] == ["a", "b"]


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"is_active": "true"}, ["a"]),
        ({"is_active": "false"}, ["b"]),
        ({"include_inactive": "true"}, ["a", "b"]),
        ({"include_inactive": "false"}, ["a"]),
        ({"include_inactive": "true", "is_active": "true"}, ["a"]),
        ({"include_inactive": "true", "is_active": "false"}, ["b"]),
        ({"name": "a"}, ["a"]),
        ({"name": "b"}, []),
        ({"name": "b", "include_inactive": "true"}, ["b"]),
        ({"name": "A"}, []),
    ],
)
def test_the_list_is_filtered_by_state_and_name(api: APIClient, parameters: dict[str, str], names: list[str]) -> None:
    ClientFactory.create(name="a")
    ClientFactory.create(name="b", is_active=False)

    assert [client["name"] for client in items(api.get(CLIENTS_URL, parameters))] == names


@pytest.mark.proves("FR-002", "AC-001")
def test_patch_changes_only_the_fields_that_are_sent(api: APIClient) -> None:
    client = ClientFactory.create(name="Northwind")

    response = api.patch(f"{CLIENTS_URL}/{client.pk}", {"is_active": False})

    assert response.status_code == 200
    assert response.json()["name"] == "Northwind"
    assert response.json()["is_active"] is False
    assert response.json()["updated_at"] > response.json()["created_at"]


@pytest.mark.parametrize("body", [{}, {"name": "Northwind"}])
def test_a_patch_that_changes_nothing_does_not_change_updated_at(api: APIClient, body: dict[str, str]) -> None:
    client = ClientFactory.create(name="Northwind")

    assert api.patch(f"{CLIENTS_URL}/{client.pk}", body).status_code == 200

    assert Client.objects.get().updated_at == client.updated_at


def test_patch_validates_fields_like_post(api: APIClient) -> None:
    client = ClientFactory.create(name="Northwind")
    ClientFactory.create(name="taken")
    path = f"{CLIENTS_URL}/{client.pk}"

    assert set(field_errors(api.patch(path, {"name": "", "created_at": "2026-01-01", "x": 1}))) == {
        "name",
        "created_at",
        "x",
    }
    assert set(field_errors(api.patch(path, {"name": "taken"}))) == {"name"}


@pytest.mark.proves("FR-018", "AC-001")
def test_delete_disables_a_client_that_can_still_be_read(api: APIClient) -> None:
    client = ClientFactory.create()
    path = f"{CLIENTS_URL}/{client.pk}"

    response = api.delete(path)

    assert response.status_code == 204
    assert not response.content
    assert api.get(path).json()["is_active"] is False
    assert items(api.get(CLIENTS_URL)) == []


def test_a_second_delete_changes_nothing(api: APIClient) -> None:
    client = ClientFactory.create()
    path = f"{CLIENTS_URL}/{client.pk}"
    api.delete(path)
    after_first_delete = api.get(path).json()

    assert api.delete(path).status_code == 204

    assert api.get(path).json() == after_first_delete


@pytest.mark.parametrize("method", ["get", "patch", "delete"])
def test_an_unknown_client_returns_404(api: APIClient, method: str) -> None:
    assert_error(getattr(api, method)(f"{CLIENTS_URL}/{UNKNOWN_ID}"), 404, "not_found")


def test_ids_are_accepted_in_upper_and_lower_case(api: APIClient) -> None:
    client = ClientFactory.create()

    assert api.get(f"{CLIENTS_URL}/{str(client.pk).upper()}").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_only_one_of_several_concurrent_requests_creates_a_client_with_the_same_name() -> None:
    writers = 6
    api_clients = [api_with_scope("write") for _ in range(writers)]
    barrier = Barrier(writers)

    def create(api: APIClient) -> Any:
        barrier.wait()
        try:
            return api.post(CLIENTS_URL, {"name": "Northwind"})
        finally:
            connection.close()

    with ThreadPoolExecutor(writers) as pool:
        responses = list(pool.map(create, api_clients))

    refused = [response for response in responses if response.status_code != 201]
    assert len(refused) == writers - 1
    assert [field_errors(response) for response in refused] == [
        {"name": ["A client with this name exists already; upper and lower case are the same."]}
    ] * (writers - 1)
