"""The shipped configuration of nginx, as nginx itself reads it."""

import shutil
import subprocess
from pathlib import Path

from django.conf import settings


def test_nginx_accepts_the_shipped_configuration(tmp_path: Path) -> None:
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/opt/homebrew/bin")
    text = (Path(settings.BASE_DIR) / "docker" / "nginx" / "nginx.conf").read_text()
    assert "$remote_addr" in text
    assert "access_log off" in text, "the address of a ping holds its key"
    if program is None:  # make faults asks for it, and uses this very file
        return
    configuration = tmp_path / "nginx.conf"
    folder = str(tmp_path / "nginx")
    configuration.write_text(text.replace("web:8000", "127.0.0.1:8000").replace("/tmp/nginx", folder))  # noqa: S108
    done = subprocess.run([program, "-t", "-q", "-c", str(configuration)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
