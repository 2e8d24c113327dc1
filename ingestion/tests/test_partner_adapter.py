"""Partners that send their headers too slowly, and host names that resolve to cloud metadata services."""

import contextlib
import socket
import threading
import time

import pytest

from ingestion.auth import Auth
from ingestion.errors import Refused, Unavailable
from ingestion.http import HttpSettings, PartnerSession
from ingestion.partner_adapter import is_forbidden


def test_a_partner_that_sends_headers_slowly_is_cut_off_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send_slowly() -> None:
            client, _ = server.accept()
            with contextlib.suppress(OSError), client:
                for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 200:
                    client.sendall(bytes([letter]))
                    time.sleep(0.1)

        threading.Thread(target=send_slowly, daemon=True).start()
        settings = HttpSettings(timeout_seconds=0.3, max_retries=0)
        began = time.monotonic()
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        with PartnerSession(address, auth=Auth(), settings=settings) as session, pytest.raises(Unavailable):
            session.get("/runs")
        assert 1.5 < time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("address", "forbidden"),
    [
        ("169.254.169.254", True),
        ("::ffff:169.254.169.254", True),
        ("fe80::1%eth0", True),
        ("fd00:ec2::254", True),
        ("100.100.100.200", True),
        ("127.0.0.1", False),
        ("10.0.0.4", False),
        ("2001:db8::1", False),
    ],
)
def test_addresses_of_metadata_services_are_forbidden(address: str, forbidden: bool) -> None:
    assert is_forbidden(address) == forbidden


def test_a_partner_at_a_metadata_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr("ingestion.partner_adapter.is_forbidden", lambda address: True)
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        settings = HttpSettings(max_retries=0)
        with (
            PartnerSession(address, auth=Auth(), settings=settings) as session,
            pytest.raises(Refused, match="the link-local or metadata address"),
        ):
            session.get("/runs")
