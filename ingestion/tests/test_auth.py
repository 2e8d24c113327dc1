"""Tokens that partners issue: an unusable one is an error, and the next ingestion requests another one."""

from collections.abc import Iterator

import pytest

from ingestion.auth import AirflowTokenAuth, Auth, ClientCredentialsAuth
from ingestion.errors import BadAnswer
from ingestion.http import HttpSettings, PartnerSession
from ingestion.synthetic.partner import Answer, PartnerServer, Request


class TokenPartner(PartnerServer):
    """A partner that returns `token_body` to each POST request, and the request's Authorization to each GET request."""

    token_body: object = None

    def answer(self, request: Request) -> Answer:
        return Answer(body=self.token_body if request.method == "POST" else request.headers["authorization"])


@pytest.fixture
def partner() -> Iterator[TokenPartner]:
    with TokenPartner() as server:
        yield server


def auth_of_kind(kind: str, partner: TokenPartner) -> Auth:
    # The address is part of the key under which a token is kept, so the tests do not share tokens.
    if kind == "airflow_token":
        return AirflowTokenAuth(partner.base_url, "chm", "password")
    return ClientCredentialsAuth(partner.base_url, token_url=f"{partner.base_url}/token", client_id="chm", secret="s")


def sent_authorization(partner: TokenPartner, auth: Auth) -> object:
    with PartnerSession(partner.base_url, auth=auth, settings=HttpSettings(max_retries=0)) as session:
        return session.get("/runs")


@pytest.mark.parametrize("kind", ["airflow_token", "oauth2"])
@pytest.mark.parametrize("token", [None, "", " ", "two\nlines", "tok\u00e9n", "\u6f22", "a\tb", 5, ["a"], {"a": "b"}])
def test_an_unusable_token_is_an_error_and_is_not_kept(partner: TokenPartner, kind: str, token: object) -> None:
    auth = auth_of_kind(kind, partner)
    partner.token_body = {"access_token": token}
    with pytest.raises(BadAnswer, match="without a usable access_token"):
        sent_authorization(partner, auth)

    partner.token_body = {"access_token": "good-token"}

    assert sent_authorization(partner, auth) == "Bearer good-token"


@pytest.mark.parametrize("seconds", [10**400, 1e308, float("inf"), float("nan"), -1, "3600", None, [], True])
def test_an_unusable_lifetime_of_a_token_counts_as_an_hour(partner: TokenPartner, seconds: object) -> None:
    partner.token_body = {"access_token": "good-token", "expires_in": seconds}

    assert sent_authorization(partner, auth_of_kind("oauth2", partner)) == "Bearer good-token"
