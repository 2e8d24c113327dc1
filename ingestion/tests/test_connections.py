"""The connections file: all mistakes are reported together, no secret is shown, no pipeline is selected twice."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from pytest_django import Settings

from ingestion.assignment import assign_pipelines, pipelines_without_connection
from ingestion.connections import AuthSettings, ConfigurationError, configured_connections, missing_secrets
from ingestion.tests.support import create_pipelines

VALID_FILE = """
[connections.northwind]
connector = "airflow"
base_url = "https://airflow.northwind.example"
interval_seconds = 30
timeout_seconds = 5
auth = { kind = "airflow_token", username = "chm", secret_env = "NORTHWIND_PASSWORD" }
pipelines = { clients = ["Northwind"], platform = "airflow" }

[connections.rest]
connector = "generic"
base_url = "https://partner.example/api"
auth = { kind = "bearer", secret_file = "TOKEN_FILE" }
pipelines = { clients = ["Contoso"], external_id_prefix = "etl-" }
"""


@pytest.fixture
def connections_file(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of the connections file. The test writes the file."""
    monkeypatch.setenv("NORTHWIND_PASSWORD", "s3cret-horse")
    (tmp_path / "token").write_text("tok3n-battery\n")
    path = tmp_path / "connections.toml"
    settings.CHM_CONNECTIONS_FILE = str(path)
    return path


def mistakes_in(path: Path, text: str) -> list[str]:
    path.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        configured_connections()
    return error.value.mistakes


def test_a_valid_file_is_read(connections_file: Path) -> None:
    connections_file.write_text(VALID_FILE.replace("TOKEN_FILE", str(connections_file.parent / "token")))

    connections = configured_connections()

    assert list(connections) == ["northwind", "rest"]
    assert connections["northwind"].interval_seconds == 30
    assert connections["northwind"].http_settings.timeout_seconds == 5
    assert connections["rest"].auth.secret() == "tok3n-battery"
    assert "tok3n" not in repr(connections)
    assert "s3cret" not in repr(connections)


def test_all_mistakes_are_reported_together(connections_file: Path) -> None:
    messages = mistakes_in(
        connections_file,
        """
        [connections."bad name!"]
        connector = "jenkins"
        base_url = "https://user:hunter2@host"
        colour = "blue"

        [connections.two]
        connector = "airflow"
        interval_seconds = "often"
        auth = { kind = "airflow_token", secret_env = "NOT_SET_ANYWHERE" }
        pipelines = { clients = "Northwind", platform = "jenkins", external_ids = [] }

        [connections.three]
        connector = "generic"
        base_url = "ftp://host"
        auth = { kind = "bearer" }

        [elsewhere]
        """,
    )

    text = "\n".join(messages)
    for expected in (
        "bad name!: a name has",
        "bad name!.connector: must be one of generic, airflow",
        "bad name!.base_url contains a user name or password",
        "bad name!.colour: is not a setting",
        "two.base_url: is missing",
        "two.interval_seconds: must be a number",
        "two.auth.username: is required for airflow_token",
        "two.pipelines.clients: must be a list",
        "two.pipelines.platform: must be one of",
        "two.pipelines.external_ids: is empty",
        "three.base_url is not an http",
        "three.auth: bearer needs either secret_env or secret_file",
        "elsewhere: is not a setting",
    ):
        assert expected in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[connections.a\n", "line 1"),
        ("", "connections: is missing"),
        ("[connections]\n", "the file has no connection"),
        ("connections = 3\n", "must be a table"),
        ("[connections]\na = 3\n", "connections.a: must be a table"),
    ],
)
def test_a_file_that_is_not_a_connections_file_is_an_error_with_its_place(
    connections_file: Path, text: str, message: str
) -> None:
    assert message in "\n".join(mistakes_in(connections_file, text))


def test_the_error_for_a_missing_file_names_it(connections_file: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"connections\.toml"):
        configured_connections()


def test_two_settings_define_one_generic_connection_if_there_is_no_file(settings: Settings) -> None:
    settings.CHM_PARTNER_API_BASE_URL = "https://partner.example"
    settings.CHM_PARTNER_API_TOKEN = "tok3n"

    [connection] = configured_connections().values()

    assert (connection.name, connection.connector) == ("default", "generic")
    assert connection.auth.secret() == "tok3n"
    assert "tok3n" not in repr(connection)


def test_the_error_without_any_configuration_says_what_to_set() -> None:
    with pytest.raises(ConfigurationError, match="CHM_CONNECTIONS_FILE"):
        configured_connections()


@pytest.mark.proves("FR-011", "SE-001")
@pytest.mark.django_db
def test_pipelines_are_assigned_to_the_connection_that_selects_them_and_the_others_are_listed(
    connections_file: Path,
) -> None:
    connections_file.write_text(VALID_FILE.replace("TOKEN_FILE", str(connections_file.parent / "token")))
    dags = create_pipelines("Northwind", "dag-1", "dag-2")
    etl = create_pipelines("Contoso", "etl-1", "other-1", platform="custom")

    assigned = assign_pipelines(configured_connections())

    assert {pipeline.id for pipeline in assigned["northwind"]} == {p.id for p in dags.values()}
    assert assigned["rest"] == [etl["etl-1"]]
    assert list(pipelines_without_connection(configured_connections())) == [etl["other-1"]]


@pytest.mark.django_db
def test_a_pipeline_that_two_connections_select_is_a_mistake(connections_file: Path) -> None:
    text = VALID_FILE.replace("TOKEN_FILE", str(connections_file.parent / "token")).replace(
        'clients = ["Contoso"], ', ""
    )
    connections_file.write_text(text)
    create_pipelines("Northwind", "etl-1")

    with pytest.raises(ConfigurationError, match="'etl-1' of 'Northwind' is selected by northwind and rest"):
        assign_pipelines(configured_connections())


@pytest.mark.proves("FR-011")
@pytest.mark.django_db
def test_disabled_pipelines_and_clients_are_not_ingested(connections_file: Path) -> None:
    connections_file.write_text(VALID_FILE.replace("TOKEN_FILE", str(connections_file.parent / "token")))
    disabled, active = create_pipelines("Northwind", "dag-1", "dag-2").values()
    disabled.is_active = False
    disabled.save()
    disabled_client = create_pipelines("Contoso", "etl-1")["etl-1"].client
    disabled_client.is_active = False
    disabled_client.save()

    assert assign_pipelines(configured_connections()) == {"northwind": [active], "rest": []}


@pytest.mark.django_db
def test_pipelines_are_assigned_with_two_queries(
    connections_file: Path, django_assert_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    connections_file.write_text(VALID_FILE.replace("TOKEN_FILE", str(connections_file.parent / "token")))
    create_pipelines("Northwind", "dag-1")
    connections = configured_connections()

    with django_assert_num_queries(2):  # pipelines selected twice; pipelines of this connection
        assert len(assign_pipelines(connections, ["northwind"])["northwind"]) == 1


def test_connections_are_read_without_their_secrets(connections_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing_file = connections_file.parent / "nowhere"
    connections_file.write_text(VALID_FILE.replace("TOKEN_FILE", str(missing_file)))
    monkeypatch.delenv("NORTHWIND_PASSWORD")

    connections = configured_connections()

    assert list(connections) == ["northwind", "rest"]
    assert missing_secrets(connections.values()) == [
        "connections.northwind.auth: the environment variable NORTHWIND_PASSWORD is not set",
        f"connections.rest.auth: cannot read secret_file {missing_file}: No such file or directory",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"tok\xffen", "is not UTF-8"),
        ("tok\u00e9n".encode(), "the secret has a character that no header can have"),
        (b"two\nlines", "the secret has a character that no header can have"),
    ],
)
def test_a_secret_that_cannot_be_sent_is_reported(connections_file: Path, content: bytes, message: str) -> None:
    token_file = connections_file.parent / "token"
    token_file.write_bytes(content)
    connections_file.write_text(VALID_FILE.replace("TOKEN_FILE", str(token_file)))

    [line] = missing_secrets(configured_connections().values())

    assert line.startswith("connections.rest.auth: ")
    assert message in line


def test_an_unknown_auth_kind_raises_an_error(connections_file: Path) -> None:
    connections_file.write_text(VALID_FILE.replace("TOKEN_FILE", str(connections_file.parent / "token")))
    connection = replace(
        configured_connections()["northwind"], auth=AuthSettings(kind="kerberos", secret_env="NORTHWIND_PASSWORD")
    )

    with pytest.raises(AssertionError, match="kerberos"):
        connection.create_auth()
