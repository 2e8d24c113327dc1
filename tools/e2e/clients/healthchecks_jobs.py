"""Send pings with two client libraries of Healthchecks: `healthchecks_jobs.py URL KEY library|trap|async|decorator`.

The libraries are not changed: they have only CHM's address and key.
"""

import asyncio
import contextlib
import sys

from healthchecks_decorator import healthcheck
from healthchecks_io import AsyncClient, CheckTrap, Client


def main() -> None:
    url, key, mode = sys.argv[1:]
    if mode == "decorator":

        @healthcheck(url=f"{url}/{key}", send_start=True, send_diagnostics=True)
        def job(*, fail: bool) -> dict[str, int]:
            if fail:
                raise RuntimeError("no space left")
            return {"rows": 7}

        job(fail=False)
        with contextlib.suppress(RuntimeError):
            job(fail=True)
        return
    if mode == "async":
        print(asyncio.run(AsyncClient(api_key="", ping_url=url).success_ping(uuid=key, data="from async")))
        return
    client = Client(api_key="", ping_url=url)
    if mode == "trap":
        with CheckTrap(client, uuid=key):
            pass
        with contextlib.suppress(RuntimeError), CheckTrap(client, uuid=key):
            raise RuntimeError("no space left")
        return
    for result in (
        client.start_ping(uuid=key),
        client.success_ping(uuid=key, data="2,381 rows"),
        client.start_ping(uuid=key),
        client.fail_ping(uuid=key, data="disk full"),
        client.exit_code_ping(3, uuid=key, data="killed"),
        client.exit_code_ping(0, uuid=key),
    ):
        print(result)


main()
