"""Check the files in docker/ without a container engine. `make image-steps` also runs their steps."""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from chm_project.local import web_server as web
from chm_project.settings.tests.test_production import run_deploy_check

ROOT = Path(settings.BASE_DIR)
DOCKER = ROOT / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
CHM_SERVICES = {name for name, service in SERVICES.items() if service["image"] == "chm"}


def run_tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name(name)
    return subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_compose_file_is_valid_by_its_specification() -> None:
    process = run_tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker/docker-compose.yml")
    assert process.returncode == 0, process.stdout


def test_the_check_of_the_compose_file_refuses_an_unknown_key(tmp_path: Path) -> None:
    (tmp_path / "wrong.yml").write_text("services: {web: {image: chm, helthcheck: {disable: true}}}")
    assert run_tool(
        "check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(tmp_path / "wrong.yml")
    ).returncode


def test_the_dockerfile_passes_its_linter() -> None:
    process = run_tool("hadolint", "docker/Dockerfile")
    assert process.returncode == 0, process.stdout


def test_the_services_open_ports_only_on_this_machine() -> None:
    assert set(SERVICES) == {
        "postgres", "redis", "migrate", "readers", "proxy", "web", "worker", "beat", "grafana", "metabase",
        "metabase-boards",
    }  # fmt: skip
    assert SERVICES["postgres"]["image"] == "postgres:15"
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "postgres": ["127.0.0.1:55432:5432"],
        "proxy": ["127.0.0.1:8000:8080"],
        "grafana": ["127.0.0.1:3000:3000"],
        "metabase": ["127.0.0.1:3001:3000"],
    }


def test_a_service_starts_after_its_dependencies_are_healthy_or_done() -> None:
    one_shot = {name for name, service in SERVICES.items() if service["restart"] == "no"}
    assert one_shot == {"migrate", "readers", "metabase-boards"}
    for name, service in SERVICES.items():
        for dependency, condition in service.get("depends_on", {}).items():
            expected = "service_completed_successfully" if dependency in one_shot else "service_healthy"
            assert condition == {"condition": expected}, (name, dependency)
        if name not in one_shot | {"web"}:  # web uses the check of the image
            assert service["healthcheck"]["test"], name


def test_grafana_and_metabase_cannot_reach_redis_and_every_service_has_a_memory_limit() -> None:
    networks = {name: set(service.get("networks", ())) for name, service in SERVICES.items()}
    assert not networks["redis"] & networks["grafana"]
    assert not networks["redis"] & networks["metabase"]
    assert networks["postgres"] & networks["grafana"]
    assert all("mem_limit" in service for service in SERVICES.values())


def test_chm_containers_are_read_only_and_without_privileges() -> None:
    for name in CHM_SERVICES:
        assert SERVICES[name]["read_only"], name
        assert SERVICES[name]["cap_drop"] == ["ALL"], name
        assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"], name
    assert "\nUSER 10001:10001\n" in (DOCKER / "Dockerfile").read_text()


def test_every_secret_except_the_token_of_a_partner_comes_from_a_generated_file(tmp_path: Path) -> None:
    secrets = make_secrets(tmp_path / "secrets")

    assert {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()} <= set(secrets)
    assert {name for service in SERVICES.values() for name in service.get("secrets", [])} == set(COMPOSE["secrets"])
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN|_URL_FILE", variable):
                assert str(value).startswith("/run/secrets/") or value == "${CHM_PARTNER_API_TOKEN:-}", (name, variable)
    assert "docker/secrets/" in (ROOT / ".gitignore").read_text().split()


def test_the_secrets_are_random_and_generated_once(tmp_path: Path) -> None:
    first_secrets, second_secrets = make_secrets(tmp_path / "one"), make_secrets(tmp_path / "two")
    assert make_secrets(tmp_path / "one") == first_secrets
    assert [name for name in first_secrets if first_secrets[name] == second_secrets[name]] == []


def _openssl(*arguments: str) -> str:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout


def test_an_interrupted_creation_of_the_certificate_is_repeated(tmp_path: Path) -> None:
    programs, secrets = tmp_path / "programs", tmp_path / "secrets"
    programs.mkdir()
    # This openssl fails when it signs the certificate, like a call that is interrupted there.
    (programs / "openssl").write_text(
        f'#!/bin/sh\n[ "$1" = x509 ] && {{ echo "no space left" >&2; exit 1; }}\nexec {shutil.which("openssl")} "$@"\n'
    )
    (programs / "openssl").chmod(0o755)
    interrupted = subprocess.run(
        ["sh", DOCKER / "make-secrets.sh", secrets], env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (interrupted.returncode, "no space left" in interrupted.stderr) == (1, True)

    make_secrets(secrets)

    verified = _openssl("verify", "-CAfile", str(secrets / "postgres_ca"), str(secrets / "postgres_cert"))
    assert verified.endswith("OK\n")
    key = _openssl("pkey", "-in", str(secrets / "postgres_key"), "-pubout")
    assert key == _openssl("x509", "-in", str(secrets / "postgres_cert"), "-pubkey", "-noout")


def test_production_starts_only_with_the_secrets(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    secret_files = {
        f"{name}_FILE": str(tmp_path / name.lower())
        for name in ("CHM_SECRET_KEY", "CHM_DATABASE_URL", "CHM_BROKER_URL")
    }
    unset_variables: dict[str, str | None] = dict.fromkeys(("CHM_SECRET_KEY", "CHM_DATABASE_URL", "CHM_BROKER_URL"))

    assert run_deploy_check(**(unset_variables | secret_files), CHM_BROKER_UNENCRYPTED="true").returncode == 0
    assert run_deploy_check(**unset_variables).returncode != 0


def test_the_image_runs_the_same_server_as_make_serve() -> None:
    command = json.loads(re.sub(r"\\\n", "", (DOCKER / "Dockerfile").read_text().rpartition("\nCMD ")[2]))
    expected = ["python", *web.command(8000)[1:]]
    expected[expected.index(web.HOST)] = "0.0.0.0"
    assert [*command, "--port", "8000"] == expected, "the image gets its port from CHM_PORT"


def test_compose_sets_only_variables_that_chm_reads() -> None:
    documented_variables = set(re.findall(r"^(CHM_\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    for name in CHM_SERVICES:
        for variable in SERVICES[name]["environment"]:
            if variable.startswith("CHM_"):
                assert variable.removesuffix("_FILE") in documented_variables, (name, variable)


def test_boards_of_grafana_link_to_the_url_of_the_installation(tmp_path: Path) -> None:
    process = start_grafana(tmp_path, "https://chm.example.com/")

    assert process.returncode == 0, process.stderr
    for board in (DOCKER / "grafana" / "dashboards").iterdir():
        rendered = json.loads((tmp_path / board.name).read_text())
        (url,) = (variable for variable in rendered["templating"]["list"] if variable["name"] == "chm_url")
        assert url["query"] == "https://chm.example.com"
        url["query"] = "http://localhost:8000"
        assert rendered == json.loads(board.read_text())


@pytest.mark.parametrize("url", ["javascript:alert(1)", 'http://x"', "https://a|b", "ftp://x", "https://a&b"])
def test_grafana_does_not_start_with_an_invalid_url_of_chm(tmp_path: Path, url: str) -> None:
    assert start_grafana(tmp_path, url).returncode != 0


def start_grafana(folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", DOCKER / "grafana" / "start.sh", "true"],
        env={"PATH": os.environ["PATH"], "CHM_BOARDS": str(DOCKER / "grafana" / "dashboards"),
             "CHM_BOARDS_READY": str(folder), "CHM_PUBLIC_URL": url},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def make_secrets(folder: Path) -> dict[str, str]:
    assert shutil.which("openssl")
    subprocess.run(["sh", DOCKER / "make-secrets.sh", folder], check=True, capture_output=True)
    return {path.name: path.read_text() for path in folder.iterdir()}
