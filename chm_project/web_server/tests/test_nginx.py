"""Test that nginx accepts the configuration docker/nginx/nginx.conf."""

import shutil
import subprocess
from pathlib import Path

from django.conf import settings


def test_nginx_accepts_the_configuration_of_the_container(tmp_path: Path) -> None:
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/opt/homebrew/bin")
    text = (Path(settings.BASE_DIR) / "docker" / "nginx" / "nginx.conf").read_text()
    assert "$remote_addr" in text
    assert "access_log off" in text, "the URL of a ping contains its key"
    # Without nginx, check nothing more here. `make faults` runs nginx with nginx.conf.
    if program is None:
        return
    configuration = tmp_path / "nginx.conf"
    folder = str(tmp_path / "nginx")
    configuration.write_text(text.replace("web:8000", "127.0.0.1:8000").replace("/tmp/nginx", folder))  # noqa: S108
    process = subprocess.run(
        [program, "-t", "-q", "-c", str(configuration)], capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
