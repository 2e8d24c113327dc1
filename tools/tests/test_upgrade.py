"""Test that an interrupted `python -m tools.upgrade dump` does not stop the next one."""

import lzma
import os
from pathlib import Path

import psycopg
import pytest

from tools.upgrade import __main__ as upgrade


def test_a_dump_is_written_although_an_interrupted_one_left_its_role(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    role_of_dumps = f"chm_test_reader_{os.getpid()}"
    monkeypatch.setattr(upgrade, "READER_ROLE", role_of_dumps)
    monkeypatch.setattr(upgrade, "ROOT", tmp_path)
    monkeypatch.setattr(upgrade, "RELEASES", tmp_path)
    dump_file, pg_dump = tmp_path / "dump.sql", tmp_path / "pg_dump"
    pg_dump.write_text(f"#!/bin/sh\ncat {dump_file}\n")
    pg_dump.chmod(0o755)

    def record_role(_checkout: Path, _url: str, command: str, *arguments: str) -> None:
        if command == "grant_reporting_role":
            dump_file.write_text(f"GRANT USAGE ON SCHEMA reporting TO {arguments[0]};\n")

    monkeypatch.setattr(upgrade, "manage", record_role)
    with psycopg.connect(os.environ["CHM_DATABASE_URL"], autocommit=True) as server:
        server.execute(f"CREATE ROLE {role_of_dumps}")
        try:
            assert upgrade.write_dump("1.0.0", tmp_path, str(pg_dump)) == 0
            assert upgrade.write_dump("1.0.1", tmp_path, str(pg_dump)) == 0
        finally:
            server.execute(f"DROP ROLE {role_of_dumps}")

    dumps = [lzma.decompress((tmp_path / f"{name}.sql.xz").read_bytes()).decode() for name in ("1.0.0", "1.0.1")]
    assert dumps == [f"GRANT USAGE ON SCHEMA reporting TO {role_of_dumps};\n"] * 2
