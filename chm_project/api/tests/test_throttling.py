"""Limits on requests, and what happens without the cache that counts them."""

import os
import pickle
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import redis
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings
from rest_framework.test import APIClient

from chm_project.access.models import Scope
from chm_project.access.services import create_token
from chm_project.api.throttling import Limit
from chm_project.local.embedded import redis_url
from chm_project.settings.environment import parse_rate
from chm_project.tests.api import ROOT, api_as_role, api_with_scope, assert_error
from inventory.tests.factories import PipelineFactory

CLIENTS_URL = f"{ROOT}/clients"


@pytest.fixture(autouse=True)
def shared_cache(settings: Settings) -> Iterator[None]:
    settings.CACHES = {
        "default": {
            "BACKEND": "chm_project.db.redis_cache.RedisCache",
            "LOCATION": redis_url(settings.CELERY_BROKER_URL),
            "KEY_PREFIX": "chm-test-throttling",
        }
    }
    settings.CHM_THROTTLE_TOKEN = "3/day"
    yield
    cache.clear()


@pytest.mark.django_db
def test_one_request_too_many_is_refused_with_the_seconds_to_wait() -> None:
    api = api_with_scope("read")
    for _ in range(3):
        assert api.get(CLIENTS_URL).status_code == 200
    refused = api.get(CLIENTS_URL)
    assert_error(refused, 429, "rate_limited")
    assert 0 < int(refused["Retry-After"]) <= 86_400
    assert api_with_scope("read").get(CLIENTS_URL).status_code == 200, "another token has its own limit"


@pytest.mark.django_db
def test_requests_of_logged_in_users_are_limited_too() -> None:
    api = api_as_role("viewer")
    assert [api.get(CLIENTS_URL).status_code for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.django_db
def test_an_address_without_credentials_is_limited(settings: Settings) -> None:
    settings.CHM_THROTTLE_ADDRESS = "2/day"
    assert [APIClient().get(CLIENTS_URL).status_code for _ in range(3)] == [401, 401, 429]
    assert APIClient().get(CLIENTS_URL, REMOTE_ADDR="10.0.0.9").status_code == 401
    assert api_with_scope("read").get(CLIENTS_URL).status_code == 200, "valid credentials have their own limits"


@pytest.mark.django_db
def test_wrong_tokens_are_limited_and_valid_ones_of_the_same_address_are_not(settings: Settings) -> None:
    settings.CHM_THROTTLE_REFUSED = "2/day"
    api_with_wrong_token = APIClient(headers={"authorization": "Bearer chm_guessing_" + "x" * 40})
    # The sender cannot avoid the limit with this header, because the sender is not a proxy that CHM trusts.
    for number in range(2):
        assert_error(
            api_with_wrong_token.get(CLIENTS_URL, headers={"x-forwarded-for": f"10.0.0.{number}"}), 401, "unauthorized"
        )
    assert_error(api_with_wrong_token.get(CLIENTS_URL, headers={"x-forwarded-for": "10.0.0.7"}), 429, "rate_limited")
    assert api_with_scope("read").get(CLIENTS_URL).status_code == 200
    key = create_token(name="cron", scope=Scope.INGEST, pipeline_id=PipelineFactory.create().pk)[1]
    assert APIClient().get(f"/ping/{key}").status_code == 200
    assert APIClient().get("/ping/wrong").status_code == 429


@pytest.mark.django_db
def test_wrong_passwords_are_limited_and_the_owner_stays_logged_in(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CHM_THROTTLE_LOGIN, settings.CHM_THROTTLE_LOGINS = "5/day", "100/day"
    owner = User.objects.create_superuser("ada", password="right-password")
    session = Client()
    session.force_login(owner)

    def login_page(password: str) -> str:
        form = {"username": "ada", "password": password}
        response = Client().post("/admin/login/", form, REMOTE_ADDR="10.0.0.1")
        assert response.status_code == 200, "the login succeeded"
        return response.content.decode()

    for number in range(5):
        assert "The user name or the password is not correct" in login_page(f"guess-{number}")
    with caplog.at_level("WARNING"):
        page = login_page("right-password")
    assert "too many logins" in caplog.text
    assert "Too many logins to this account, or from your address, have failed. Try again later." in page
    assert "is not correct" not in page, "the password was not checked"
    assert session.get("/admin/").status_code == 200
    right = {"username": "ada", "password": "right-password"}
    assert Client().post("/admin/login/", right, REMOTE_ADDR="10.0.0.2").status_code == 302, "from another address"


@pytest.mark.django_db
def test_after_150_wrong_logins_the_owners_session_and_token_are_still_valid(
    settings: Settings,
) -> None:
    settings.CHM_THROTTLE_LOGIN, settings.CHM_THROTTLE_LOGINS = "20/day", "100/day"
    settings.CHM_THROTTLE_TOKEN = "6000/minute"
    owner = User.objects.create_superuser("ada", password="right-password")
    session, api = Client(), api_with_scope("read")
    session.force_login(owner)

    def log_in(password: str, address: str = "10.0.0.1") -> int:
        form = {"username": "ada", "password": password}
        return Client().post("/admin/login/", form, REMOTE_ADDR=address).status_code

    for number in range(150):
        assert log_in(f"guess-{number}") == 200
        if number % 50 == 0:
            assert session.get("/admin/").status_code == 200
            assert api.get(CLIENTS_URL, REMOTE_ADDR="10.0.0.1").status_code == 200

    assert log_in("right-password") == 200, (
        "a login from the address of the guesses is refused even with the right password"
    )
    assert log_in("right-password", "10.0.0.2") == 302, "a login from another address is not refused"
    assert session.get("/admin/").status_code == 200
    assert api.get(CLIENTS_URL, REMOTE_ADDR="10.0.0.1").status_code == 200


@pytest.mark.django_db
def test_60_wrong_keys_do_not_limit_valid_pings_of_the_same_address(settings: Settings) -> None:
    settings.CHM_THROTTLE_TOKEN, settings.CHM_THROTTLE_REFUSED = "6000/minute", "60/day"
    key = create_token(name="cron", scope=Scope.INGEST, pipeline_id=PipelineFactory.create().pk)[1]

    wrong, valid = [], []
    for number in range(61):
        wrong.append(APIClient().get(f"/ping/wrong-{number}", REMOTE_ADDR="10.0.0.1").status_code)
        valid.append(APIClient().get(f"/ping/{key}", REMOTE_ADDR="10.0.0.1").status_code)

    assert valid == [200] * 61
    assert wrong == [404] * 60 + [429]


@pytest.mark.django_db
def test_logins_that_succeed_are_not_counted(settings: Settings) -> None:
    settings.CHM_THROTTLE_LOGIN, settings.CHM_THROTTLE_LOGINS = "3/day", "100/day"
    User.objects.create_superuser("ada", password="right-password")
    form = {"username": "ada", "password": "right-password"}

    responses = [Client().post("/admin/login/", form, REMOTE_ADDR="10.0.0.1").status_code for _ in range(5)]

    assert responses == [302] * 5


@pytest.mark.django_db
def test_a_request_sends_at_most_two_commands_to_redis(settings: Settings) -> None:
    settings.CHM_THROTTLE_TOKEN = "100/day"
    api = api_with_scope("read")
    api.get(CLIENTS_URL)
    with redis.Redis.from_url(redis_url(settings.CELERY_BROKER_URL)) as server:
        assert commands_during(server, lambda: api.get(CLIENTS_URL)) == ["SET", "INCRBY"]


@pytest.mark.django_db
def test_requests_of_a_large_limit_are_reserved_in_blocks(settings: Settings) -> None:
    settings.CHM_THROTTLE_TOKEN = "5000/day"
    api = api_with_scope("read")
    left = [int(api.get(CLIENTS_URL)["RateLimit"].partition("r=")[2].partition(";")[0]) for _ in range(3)]
    assert left == [4999, 4998, 4997], "each request is counted, also within a reserved block"
    with redis.Redis.from_url(redis_url(settings.CELERY_BROKER_URL)) as server:
        commands = commands_during(server, lambda: [api.get(CLIENTS_URL) for _ in range(20)])
    assert commands == ["SET", "INCRBY"] * 2, "one reservation for each block of ten requests"


def test_processes_that_reserve_blocks_never_exceed_the_limit(settings: Settings) -> None:
    settings.CHM_THROTTLE_TOKEN = "2000/day"
    limit_of_each_process = [Limit("test", "CHM_THROTTLE_TOKEN", reserve_blocks=True) for _ in range(3)]
    allowed = 0
    for number in range(2100):
        allowed += limit_of_each_process[number % 3].count_and_get_wait("somebody") is None
    # A block has 2000 / 500 = 4 requests. At the end, two of the processes can each have a block that they do not use.
    assert 2000 - 2 * 4 <= allowed <= 2000


def test_threads_use_the_same_reserved_block(settings: Settings) -> None:
    settings.CHM_THROTTLE_TOKEN = "1000/day"
    limit = Limit("test", "CHM_THROTTLE_TOKEN", reserve_blocks=True)
    request_numbers: list[int] = []
    threads = [
        Thread(
            target=lambda: request_numbers.extend(
                getattr(limit.count_and_get_state("somebody"), "used", 0) for _ in range(50)
            )
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(request_numbers)) == 200, "each request has its own number"


def commands_during(server: redis.Redis, do: Callable[[], object]) -> list[str]:
    """Return the names of the commands that Redis executes while `do` runs, in this process's own database."""
    database = server.get_connection_kwargs().get("db", 0)
    names: list[str] = []
    with server.monitor() as monitor:  # type: ignore[no-untyped-call]
        server.echo("begin")
        do()
        server.echo("end")
        while (executed := monitor.next_command())["command"] != "ECHO end":
            if executed["command"] == "ECHO begin":
                names.clear()
            elif executed["db"] == database:
                names.append(executed["command"].split()[0])
    return names


def test_a_pickle_in_the_cache_is_not_executed(settings: Settings, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.mkdir, (str(tmp_path / "ran"),)

    with redis.Redis.from_url(redis_url(settings.CELERY_BROKER_URL)) as server:
        server.set("chm-test-throttling:1:trap", pickle.dumps(Trap()))
    with pytest.raises(ValueError, match=r"decode|Expecting"):
        cache.get("trap")
    assert not (tmp_path / "ran").exists()


def test_the_cache_returns_bytes_and_times_unchanged() -> None:
    value = {"file": b"\x00\xff", "through": datetime(2026, 3, 1, tzinfo=UTC), "count": 3}
    cache.set("kept", value)
    assert cache.get("kept") == value


@pytest.mark.django_db
def test_health_is_never_limited(settings: Settings) -> None:
    settings.CHM_THROTTLE_ADDRESS = "1/day"
    assert {APIClient().get("/health").status_code for _ in range(5)} == {200}


@pytest.mark.django_db
def test_without_its_cache_the_api_works_and_logs_an_error(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "chm_project.db.redis_cache.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    }
    api = api_with_scope("read")
    assert {api.get(CLIENTS_URL).status_code for _ in range(5)} == {200}
    assert "the cache is down" in caplog.text
    # The fixture shared_cache clears the cache after the test, so set a cache that works.
    settings.CACHES = {"default": {"BACKEND": "chm_project.db.redis_cache.MemoryCache"}}


def test_simultaneous_requests_are_all_counted() -> None:
    limit = Limit("test", "CHM_THROTTLE_TOKEN")
    waits: list[float | None] = []
    threads = [Thread(target=lambda: waits.append(limit.count_and_get_wait("somebody"))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waits.count(None) == 3


@pytest.mark.parametrize("rate", ["", "10", "ten/minute", "0/minute", "10/fortnight", "-1/day"])
def test_the_error_names_an_invalid_rate(rate: str) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        parse_rate(rate)
