"""Exit with status 0 if this container is healthy: python docker/healthcheck.py web|worker|beat."""

import os
import socket
import sys
import urllib.request


# Docker runs these checks every 5 to 60 seconds. To be fast, each check imports only the modules that it needs.
def web() -> bool:
    from chm_project.settings.environment import env

    request = urllib.request.Request(f"http://127.0.0.1:{env.raw('CHM_PORT') or 8000}/health")
    with urllib.request.urlopen(request, timeout=4) as response:  # noqa: S310
        return bool(response.status == 200)


def worker() -> bool:
    from chm_project.celery import app

    return bool(app.control.ping(destination=[f"celery@{socket.gethostname()}"], timeout=4))


def beat() -> bool:
    import django

    django.setup()
    from chm_project.operations.beat import STOPPED_AFTER_SECONDS, heartbeat_age

    age = heartbeat_age()
    return age is not None and age < STOPPED_AFTER_SECONDS


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - the image's working folder, where the project is
    sys.exit(not {"web": web, "worker": worker, "beat": beat}[sys.argv[1]]())
