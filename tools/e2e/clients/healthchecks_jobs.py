"""Send pings with two Healthchecks client libraries, unchanged except for CHM's address and key.

healthchecks_jobs.py URL KEY library|trap|async|decorator
"""

import asyncio
import contextlib
import sys

from healthchecks_decorator import healthcheck
from healthchecks_io import AsyncClient, CheckTrap, Client


def main() -> None:
    url, token, mode = sys.argv[1:]
    if mode == "decorator":

        @healthcheck(url=f"{url}/{token}", send_start=True, send_diagnostics=True)
        def job(*, fail: bool) -> dict[str, int]:
            if fail:
                raise RuntimeError("no space left")
            return {"rows": 7}

        job(fail=False)
        with contextlib.suppress(RuntimeError):
            job(fail=True)
        return
    if mode == "async":
        print(asyncio.run(AsyncClient(api_key="", ping_url=url).success_ping(uuid=token, data="from async")))
        return
    client = Client(api_key="", ping_url=url)
    if mode == "trap":
        with CheckTrap(client, uuid=token):
            pass
        with contextlib.suppress(RuntimeError), CheckTrap(client, uuid=token):
            raise RuntimeError("no space left")
        return
    for result in (
        client.start_ping(uuid=token),
        client.success_ping(uuid=token, data="2,381 rows"),
        client.start_ping(uuid=token),
        client.fail_ping(uuid=token, data="disk full"),
        client.exit_code_ping(3, uuid=token, data="killed"),
        client.exit_code_ping(0, uuid=token),
    ):
        print(result)


main()
