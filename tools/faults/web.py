"""Inject faults around the web server, and measure health checks and writes during the faults.

All servers are real: PostgreSQL, Valkey, web servers with two processes each, and nginx with the configuration of
docker/nginx. During a fault, a separate process requests /health, and sends pings, each with another run id. After the
fault, each ping that got 200 must be stored.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tools.faults.installation import LocalInstallation
from tools.faults.web_faults import WEB_FAULTS, YEAR_OF_HOURS, WebFault
from tools.faults.web_probes import CONNECTION_BROKEN, CONNECTION_REFUSED, ProbeResults, ProbeTarget, ping, probing
from tools.faults.web_site import FaultSite

# On a busy machine even an idle web server is slow. Example: the limit of p99 is 100 ms. If the idle server has a p99
# of 50 ms, three times this value is 1.5 times the limit. Then the limits of response times are multiplied by 1.5.
CONTROL_MULTIPLE = 3
# The words in the table for the "statuses" of requests that got no response.
STATUS_TEXTS = {CONNECTION_REFUSED: "refused", CONNECTION_BROKEN: "broken off"}
HEADING = "## Web server and API"
COLUMNS = (
    "fault", "survived", "health", "failed", "p99 ms", "idle p99 ms", "writes", "503", "other", "p95 ms", "slowest s",
    "lost", "back after s", "remarks",
)  # fmt: skip


@dataclass(slots=True)
class WebFaultResult:
    """The result of a fault around the web server. CHM survived the fault if `problems` is empty."""

    fault: WebFault
    probes: ProbeResults
    lost_count: int
    recovery_seconds: float
    elapsed_seconds: float
    remark: str
    problems: list[str]

    @property
    def survived(self) -> bool:
        return not self.problems


def run_fault(site: FaultSite, fault: WebFault, *, quick: bool) -> WebFaultResult:
    """Inject a fault while requests probe the server. Then compare the pings that got 200 with the stored runs."""
    start_time, remark, problems = time.monotonic(), "", list[str]()
    if fault.prepare is not None:
        fault.prepare(site)
    port = {"proxy": site.proxy_port, "web": site.web.port, "both": site.port_of_shared_proxy}[fault.target]
    with probing(ProbeTarget(port, site.control.port, site.ping_key, keep_alive=fault.target != "web")) as probes:
        time.sleep(1)
        try:
            remark = fault.inject(site, quick) or ""
        except AssertionError as error:
            problems.append(str(error))
        ended_at = time.monotonic()
        # Wait up to 15 s for the recovery, which may take longer than the fault allows. The result shows the time.
        while time.monotonic() < ended_at + 15 and not ping(port, site.ping_key):
            time.sleep(0.05)
        time.sleep(1)
    recovery_seconds = min(
        (moment - ended_at for moment in probes.answered_at_by_run_id.values() if moment > ended_at),
        default=99,  # no ping succeeded after the fault
    )
    lost_count = len(set(probes.answered_at_by_run_id) - site.stored_run_ids())
    problems += _problems(fault, probes)
    if lost_count or recovery_seconds > fault.max_recovery_seconds:
        problems.append(f"lost {lost_count}, recovered after {recovery_seconds:.1f} s")
    return WebFaultResult(fault, probes, lost_count, recovery_seconds, time.monotonic() - start_time, remark, problems)


def _problems(fault: WebFault, probes: ProbeResults) -> list[str]:
    health, writes, problems = probes.health, probes.writes, []
    # The limits of response times are multiplied by this value. It is higher than 1 if even the idle server is slow.
    tolerance = max(1, CONTROL_MULTIPLE * probes.control.percentile_seconds(0.99) / fault.max_health_p99_seconds)
    if failed_statuses := [status for status in health.statuses if status not in (200, *fault.allowed_health_statuses)]:
        problems.append(f"{len(failed_statuses)} health probes failed: {_count_by_status(failed_statuses)}")
    if health.percentile_seconds(0.99) > fault.max_health_p99_seconds * tolerance:
        problems.append(f"health p99 {health.percentile_seconds(0.99) * 1000:.0f} ms")
    if unexpected_statuses := [
        status for status in writes.statuses if status not in (200, *fault.allowed_write_statuses)
    ]:
        problems.append(
            f"{len(unexpected_statuses)} writes with another result: {_count_by_status(unexpected_statuses)}"
        )
    if without_retry_after := writes.without_retry_after + health.without_retry_after:
        problems.append(f"{without_retry_after} refusals without Retry-After")
    if writes.seconds and max(writes.seconds) > fault.max_write_seconds * tolerance:
        problems.append(f"a write took {max(writes.seconds):.1f} s")
    if writes.percentile_seconds(0.95) > fault.max_write_p95_seconds * tolerance:
        problems.append(f"write p95 {writes.percentile_seconds(0.95) * 1000:.0f} ms")
    return problems


def _count_by_status(statuses: list[int]) -> str:
    return ", ".join(
        f"{statuses.count(status)} {STATUS_TEXTS.get(status, status)}" for status in sorted(set(statuses), reverse=True)
    )


def run(
    folder: Path, *, quick: bool, title_part: str, print_result: Callable[[WebFaultResult], None]
) -> list[WebFaultResult]:
    """Inject the faults whose title contains `title_part`, one after the other; return their results."""
    chosen_faults = [
        fault for fault in WEB_FAULTS if title_part in fault.title and (fault.is_in_quick_run or not quick)
    ]
    if not chosen_faults:
        return []
    folder.mkdir()
    installation, results = LocalInstallation(folder), []
    with ExitStack() as stack:
        stack.callback(installation.release)
        installation.start_servers()
        site = FaultSite(installation, stack)
        site.add_history(YEAR_OF_HOURS // 20 if quick else YEAR_OF_HOURS)
        for fault in chosen_faults:
            results.append(result := run_fault(site, fault, quick=quick))
            print_result(result)
    return results


def line(result: WebFaultResult) -> str:
    health, writes = result.probes.health, result.probes.writes
    return (
        f"{'ok  ' if result.survived else 'FAIL'} {result.fault.title:<49} {result.elapsed_seconds:.0f} s  "
        f"health {health.count(200)}/{len(health.statuses)} p99 {health.percentile_seconds(0.99) * 1000:.0f} ms "
        f"(idle server {result.probes.control.percentile_seconds(0.99) * 1000:.0f} ms)  "
        f"writes {writes.count(200)}/{len(writes.statuses)} 503 {writes.count(503)} "
        f"p95 {writes.percentile_seconds(0.95) * 1000:.0f} ms slowest {max(writes.seconds, default=0):.1f} s  "
        f"lost {result.lost_count}  back after {result.recovery_seconds:.1f} s  {result.remark}  "
        f"{'; '.join(result.problems)}"
    )


def table(results: list[WebFaultResult]) -> str:
    rows = "\n".join(_row(result) for result in results)
    return f"""{HEADING}

{(__doc__ or "").partition(chr(10))[2].strip()}

| column | meaning |
|---|---|
| health | how many requests to /health were sent |
| failed | how many of these requests did not get 200 |
| p99 ms | 99 % of the responses of /health took at most this time |
| idle p99 ms | the same for a web server that gets no other requests; it shows how busy the machine was |
| writes | how many pings got 200 |
| 503 | how many pings got 503 |
| other | how many pings had any other result |
| p95 ms, slowest s | 95 % of the responses to pings took at most this time; the longest time |
| lost | how many pings got 200, but are not stored |
| back after s | the time from the end of the fault to the first ping that gets 200 |

A fault is survived if all of these are true:

- No ping is lost.
- Each request gets 200, or a result that the fault permits. For example, 503 is permitted while the database is down.
- Each 503 has the header Retry-After.
- *p99 ms* is at most 100. *p95 ms*, *slowest s* and *back after s* are at most 3 s. Some faults have other limits.
- The fault's own checks succeed. For example, each slow reader gets its response.

`tools/faults/web_faults.py` has the permitted results, the other limits, and the checks of each fault.

On a busy machine the limits of *p99 ms*, *p95 ms* and *slowest s* are higher. If {CONTROL_MULTIPLE} times *idle p99 ms*
is above the limit of *p99 ms*, these three limits are raised by the same factor. For example, they are twice as high if
the limit of *p99 ms* is 100 and *idle p99 ms* is {200 / CONTROL_MULTIPLE:.0f}.

| {" | ".join(COLUMNS)} |
|{"---|" * len(COLUMNS)}
{rows}
"""


def with_rows(document: str, results: list[WebFaultResult]) -> str:
    """Return the document with new rows for these results. The other rows do not change."""
    row_by_title = {result.fault.title: _row(result) for result in results}
    new_lines = [row_by_title.get(line.split(" | ")[0].removeprefix("| "), line) for line in document.split("\n")]
    return "\n".join(new_lines)


def _row(result: WebFaultResult) -> str:
    health, control, writes = result.probes.health, result.probes.control, result.probes.writes
    cells = [
        result.fault.title,
        "yes" if result.survived else "no",
        len(health.statuses),
        len(health.statuses) - health.count(200),
        f"{health.percentile_seconds(0.99) * 1000:.0f}",
        f"{control.percentile_seconds(0.99) * 1000:.0f}",
        writes.count(200),
        writes.count(503),
        _count_by_status([status for status in writes.statuses if status not in (200, 503)]) or 0,
        f"{writes.percentile_seconds(0.95) * 1000:.0f}",
        f"{max(writes.seconds, default=0):.1f}",
        result.lost_count,
        f"{result.recovery_seconds:.1f}",
        "; ".join([*filter(None, [result.remark]), *result.problems]),
    ]
    return f"| {' | '.join(str(cell) for cell in cells)} |"
