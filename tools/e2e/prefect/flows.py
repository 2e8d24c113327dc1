"""flows.py NAME...: run these flows, one after the other. PREFECT_API_URL is the address of the Prefect server.

Without a name, run every flow of FLOWS. The name "long=20" runs the flow `long` for 20 seconds. The name "serve" serves
a deployment that starts the flow `long` every 15 seconds.
"""

import sys
import time

from prefect import flow, task
from prefect.states import Cancelled, Completed


@task
def extract(number):
    return number


@task
def load(number):
    raise ValueError(f"row {number} does not fit; password=FAKE-hunter2")


@flow(name="load-orders")
def load_orders():
    return extract(3)


@flow(name="sync customers: EU (é)")
def sync_customers():
    load(extract(7))


@flow(name="two-failures")
def two_failures():
    futures = [load.submit(number) for number in (1, 2)]
    for future in futures:
        future.wait()
    return futures


@flow(name="no-task")
def no_task():
    raise RuntimeError("failed before its first task")


@flow(name="flaky", retries=2, retry_delay_seconds=1)
def flaky():
    from prefect.runtime import flow_run

    if flow_run.run_count < 2:
        raise RuntimeError(f"attempt {flow_run.run_count}")


@flow(name="child")
def child():
    load(extract(1))


@flow(name="parent")
def parent():
    child()


@flow(name="skipped")
def skipped():
    return Completed(message="nothing to do", name="Skipped")


@flow(name="says-cancelled")
def says_cancelled():
    return Cancelled(message="nothing to do")


@flow(name="too-slow", timeout_seconds=1)
def too_slow():
    time.sleep(3)


@flow(name="long")
def long(seconds: float = 60):
    time.sleep(seconds)


FLOWS = {
    each.name: each
    for each in (load_orders, sync_customers, two_failures, no_task, flaky, parent, skipped, says_cancelled, too_slow)
}

if __name__ == "__main__":
    for name in sys.argv[1:] or FLOWS:
        if name == "serve":
            long.serve(name="nightly", interval=15, parameters={"seconds": 2}, limit=2)
        elif name.startswith("long="):
            long(float(name[5:]), return_state=True)
        else:
            try:
                FLOWS[name](return_state=True)
            except BaseException as error:
                print(name, type(error).__name__)
