"""Limits on requests, and what happens without the cache that counts them."""

from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django import Settings
from rest_framework.test import APIClient

from chm_project.api.throttling import Limit
from chm_project.local.embedded import redis_url
from chm_project.settings.environment import parse_rate
from chm_project.tests.api import ROOT, error, person, program

CLIENTS = f"{ROOT}/clients"


@pytest.fixture(autouse=True)
def shared_cache(settings: Settings) -> Iterator[None]:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": redis_url(settings.CELERY_BROKER_URL),
            "KEY_PREFIX": "chm-test-throttling",
        }
    }
    settings.CHM_THROTTLE_TOKEN = "3/day"
    yield
    cache.clear()


@pytest.mark.django_db
def test_one_request_too_many_is_refused_with_the_seconds_to_wait() -> None:
    api = program("read")
    for _ in range(3):
        assert api.get(CLIENTS).status_code == 200
    refused = api.get(CLIENTS)
    error(refused, 429, "rate_limited")
    assert 0 < int(refused["Retry-After"]) <= 86_400
    assert program("read").get(CLIENTS).status_code == 200, "another token has a limit of its own"


@pytest.mark.django_db
def test_people_are_limited_too() -> None:
    api = person("viewer")
    assert [api.get(CLIENTS).status_code for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.django_db
def test_an_address_is_limited_before_anything_is_looked_up(settings: Settings, django_assert_num_queries: Any) -> None:
    settings.CHM_THROTTLE_ADDRESS = "2/day"
    apis = [program("read") for _ in range(3)]
    assert [api.get(CLIENTS).status_code for api in apis] == [200, 200, 429]
    with django_assert_num_queries(0):
        error(apis[0].get(CLIENTS), 429, "rate_limited")
    assert apis[0].get(CLIENTS, REMOTE_ADDR="10.0.0.9").status_code == 200


@pytest.mark.django_db
def test_guessing_tokens_ends_soon_and_a_forged_address_does_not_help(settings: Settings) -> None:
    settings.CHM_THROTTLE_REFUSED = "2/day"
    guess = APIClient(headers={"authorization": "Bearer chm_guessing_" + "x" * 40})
    for number in range(2):
        error(guess.get(CLIENTS, headers={"x-forwarded-for": f"10.0.0.{number}"}), 401, "unauthorized")
    error(guess.get(CLIENTS, headers={"x-forwarded-for": "10.0.0.7"}), 429, "rate_limited")


@pytest.mark.django_db
def test_health_is_never_limited(settings: Settings) -> None:
    settings.CHM_THROTTLE_ADDRESS = "1/day"
    assert {APIClient().get("/health").status_code for _ in range(5)} == {200}


@pytest.mark.django_db
def test_without_its_cache_the_api_stays_up_and_says_so(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    }
    api = program("read")
    assert {api.get(CLIENTS).status_code for _ in range(5)} == {200}
    assert "the cache is down" in caplog.text
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


def test_counting_loses_nothing_between_processes() -> None:
    limit = Limit("test", "CHM_THROTTLE_TOKEN")
    waits: list[float | None] = []
    threads = [Thread(target=lambda: waits.append(limit.count("somebody"))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waits.count(None) == 3


@pytest.mark.parametrize("rate", ["", "10", "ten/minute", "0/minute", "10/fortnight", "-1/day"])
def test_a_rate_that_is_none_is_named(rate: str) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        parse_rate(rate)
