"""A request cannot choose the codec with which Django decodes it, except for a few usual ones."""

import pytest
from rest_framework.response import Response

from chm_project.content_types import without_unusual_parameters
from chm_project.tests.api import ROOT, api_with_scope
from inventory.models import Client


def _create_client(content_type: str, body: bytes) -> Response:
    return api_with_scope("admin").post(f"{ROOT}/clients", body, content_type=without_unusual_parameters(content_type))


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["hex", "punycode", "idna", "unicode_escape", "nonsense"])
def test_a_body_with_an_unusual_charset_is_read_as_utf_8(charset: str) -> None:
    response = _create_client(f"application/json; charset={charset}", '{"name": "Müller"}'.encode())

    assert response.status_code == 201
    assert Client.objects.filter(name="Müller").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("charset", ["UTF-8", '"utf-8"', "utf-16", "ISO-8859-1", "windows-1252"])
def test_a_body_with_a_usual_charset_is_decoded_with_it(charset: str) -> None:
    body = '{"name": "Müller"}'.encode(charset.strip('"'))

    assert _create_client(f"application/json; charset={charset}", body).status_code == 201
    assert Client.objects.filter(name="Müller").exists()


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", "application/json"),
        ("application/json; charset=utf-8", "application/json; charset=utf-8"),
        ("application/json; charset=hex", "application/json"),
        ("application/json;Charset = HEX", "application/json"),
        ("multipart/form-data; charset=hex; boundary=abc", "multipart/form-data; boundary=abc"),
        ('multipart/form-data; boundary="a;charset=hex"', 'multipart/form-data; boundary="a;charset=hex"'),
        ("text/plain; title*=idna''%61%61; format=flowed", "text/plain; format=flowed"),
        ("text/plain; charset*=hex''%41", "text/plain"),
        ("text/plain; charset*0*=hex''%41", "text/plain"),
        ('text/plain; charset="hex', "text/plain"),
        ("text/plain; ;; =", "text/plain"),
    ],
)
def test_only_unusual_parameters_are_removed(content_type: str, expected: str) -> None:
    assert without_unusual_parameters(content_type) == expected
