"""Simulated partners that follow the documentation of systems whose responses could not be recorded.

Each partner has two pipelines. The first has `success_count` successful runs. The second has one run for each
documented status.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs

from ingestion.synthetic.partner import Answer, PartnerServer, Request

SECRET = "hunter2-FAKE-partner-secret"
PLANTED_SECRET = "FAKEplantedSecret42"
# The first runs are older than the lookback of every preset, but not so old that a partner would have deleted them.
FIRST_START = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=10)


def iso_text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def epoch_milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


class DocumentedPartner(PartnerServer):
    """The base class of these partners. `rows` are the runs as the partner returns them."""

    preset: ClassVar[str]
    prefix: ClassVar[str] = ""  # the path of the connection's base_url
    other_prefix: ClassVar[str] = "/no other path"  # a second path to the same resources, if there is one
    auth: ClassVar[dict[str, str]] = {"kind": "bearer"}
    required_header: ClassVar[tuple[str, str]] = ("authorization", f"Bearer {SECRET}")
    pipelines: ClassVar[tuple[str, str]] = ("11", "12")
    id_field: ClassVar[str]
    pipeline_field: ClassVar[str]
    # For the status words of the source, the status that CHM stores.
    documented_statuses: ClassVar[dict[tuple[str | int | None, ...], str]]

    def __init__(self, success_count: int = 130) -> None:
        super().__init__()
        success_words = next(words for words, status in self.documented_statuses.items() if status == "success")
        words_of_runs = [*[success_words] * success_count, *self.documented_statuses]
        self.rows = [
            self.row(number, self.pipelines[number > success_count], words, FIRST_START + timedelta(minutes=number))
            for number, words in enumerate(words_of_runs, start=1)
        ]

    def row(self, number: int, pipeline: str, words: tuple[Any, ...], start: datetime) -> dict[str, Any]:
        """Return a run as the partner returns it, with these status words."""
        raise NotImplementedError

    def listing(self, request: Request) -> Answer:
        """Return the response to a request for the list of runs."""
        raise NotImplementedError

    def one_run(self, request: Request) -> Answer | None:
        """Return the response to a request for one run, or None for any other request."""
        raise NotImplementedError

    def answer(self, request: Request) -> Answer:
        name, value = self.required_header
        if request.headers.get(name) != value:
            return Answer(401, {"message": "Bad credentials"})
        if not request.path.startswith((self.prefix, self.other_prefix)):
            return Answer(404, {"message": "Not Found"})
        return self.one_run(request) or self.listing(request)

    def status_of(self, row: dict[str, Any]) -> str:
        """Return the status that CHM must store. The last rows have the words of documented_statuses, in that order."""
        index = self.rows.index(row) - (len(self.rows) - len(self.documented_statuses))
        return "success" if index < 0 else list(self.documented_statuses.values())[index]

    def _row_with_id_at_path_end(self, request: Request) -> dict[str, Any] | None:
        requested_id = request.path.rstrip("/").rpartition("/")[2]
        return next((row for row in self.rows if str(row[self.id_field]) == requested_id), None)


class Databricks(DocumentedPartner):
    preset = "databricks"
    id_field, pipeline_field = "run_id", "job_id"
    documented_statuses = {
        **{(state, None): "running" for state in ("BLOCKED", "PENDING", "QUEUED", "RUNNING", "TERMINATING", "WAITING")},
        ("TERMINATED", "SUCCESS"): "success",
        ("TERMINATED", "SUCCESS_WITH_FAILURES"): "success",
        **{
            ("TERMINATED", code): "failed"
            for code in (
                "BUDGET_POLICY_LIMIT_EXCEEDED CLOUD_FAILURE CLUSTER_ERROR CLUSTER_REQUEST_LIMIT_EXCEEDED DRIVER_ERROR "
                "FEATURE_DISABLED INTERNAL_ERROR INVALID_CLUSTER_REQUEST INVALID_RUN_CONFIGURATION "
                "LIBRARY_INSTALLATION_ERROR MAX_JOB_QUEUE_SIZE_EXCEEDED MAX_SPARK_CONTEXTS_EXCEEDED "
                "REPOSITORY_CHECKOUT_FAILED RESOURCE_NOT_FOUND RUN_EXECUTION_ERROR STORAGE_ACCESS_ERROR "
                "UNAUTHORIZED_ERROR WORKSPACE_RUN_LIMIT_EXCEEDED"
            ).split()
        },
        ("TERMINATED", "CANCELED"): "canceled",
        ("TERMINATED", "USER_CANCELED"): "canceled",
        **{("TERMINATED", code): "skipped" for code in ("DISABLED", "MAX_CONCURRENT_RUNS_EXCEEDED", "SKIPPED")},
    }

    def row(self, number: int, pipeline: str, words: tuple[Any, ...], start: datetime) -> dict[str, Any]:
        state, code = words
        status: dict[str, Any] = {"state": state}
        if code is not None:
            status["termination_details"] = {
                "code": code,
                "type": "SUCCESS" if code.startswith("SUCCESS") else "CLIENT_ERROR",
                "message": f"password={PLANTED_SECRET} {code}",
            }
        return {
            "run_id": 5_000_000_000 + number,
            "job_id": int(pipeline),
            "start_time": epoch_milliseconds(start),
            "end_time": epoch_milliseconds(start + timedelta(seconds=90)) if code else 0,
            "status": status,
            "job_parameters": [{"name": "api_key", "value": "x"}],
            "overriding_parameters": {"password": PLANTED_SECRET},
        }

    def one_run(self, request: Request) -> Answer | None:
        if request.path != "/api/2.2/jobs/runs/get":
            return None
        matching = [row for row in self.rows if str(row["run_id"]) == request.query_value("run_id")]
        if matching:
            return Answer(body=matching[0])
        message = f"Run {request.query_value('run_id')} does not exist."
        return Answer(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": message})

    def listing(self, request: Request) -> Answer:
        assert request.path == "/api/2.2/jobs/runs/list"
        limit, token = int(request.query_value("limit") or 20), int(request.query_value("page_token") or 0)
        assert 0 < limit < 25
        matching = [
            row
            for row in reversed(self.rows)
            if row["start_time"] >= int(request.query_value("start_time_from") or 0)
            and request.query_value("job_id") in (None, str(row["job_id"]))
            and (request.query_value("active_only") != "true" or row["end_time"] == 0)
        ]
        body: dict[str, Any] = {"has_more": token + limit < len(matching)}
        if matching:
            body["runs"] = matching[token : token + limit]
        if body["has_more"]:
            body["next_page_token"] = str(token + limit)
        return Answer(body=body)


class GitHubActions(DocumentedPartner):
    preset = "github_actions"
    prefix = "/repos/northwind/shop"
    other_prefix = "/repositories/4711"  # GitHub's links to next pages contain the repository's number, not its name
    id_field, pipeline_field = "id", "workflow_id"
    documented_statuses = {
        **{(status, None): "running" for status in ("queued", "requested", "waiting", "pending", "in_progress")},
        ("completed", "action_required"): "running",
        ("completed", "success"): "success",
        ("completed", "neutral"): "success",
        **{("completed", conclusion): "failed" for conclusion in ("failure", "timed_out", "startup_failure")},
        ("completed", "cancelled"): "canceled",
        ("completed", "stale"): "canceled",
        ("completed", "skipped"): "skipped",
    }

    def row(self, number: int, pipeline: str, words: tuple[Any, ...], start: datetime) -> dict[str, Any]:
        status, conclusion = words
        return {
            "id": 9_000_000_000 + number,
            "workflow_id": int(pipeline),
            "status": status,
            "conclusion": conclusion,
            "created_at": iso_text(start - timedelta(seconds=3)),
            "run_started_at": iso_text(start),
            "updated_at": iso_text(start + timedelta(seconds=90)),
            "run_attempt": 1,
            "display_title": f"fix: token={PLANTED_SECRET}",
            "repository": {"full_name": "northwind/shop", "description": "x" * 2_000},
        }

    def one_run(self, request: Request) -> Answer | None:
        if "/actions/runs/" not in request.path:
            return None
        row = self._row_with_id_at_path_end(request)
        return Answer(body=row) if row else Answer(404, {"message": "Not Found", "status": "404"})

    def listing(self, request: Request) -> Answer:
        assert "created" not in {name for name, _ in request.query}, "a filter caps the listing at 1,000 runs"
        matching = list(reversed(self.rows))
        if "/workflows/" in request.path:
            matching = [row for row in matching if f"/workflows/{row['workflow_id']}/runs" in request.path]
        size, page = int(request.query_value("per_page") or 30), int(request.query_value("page") or 1)
        headers = {}
        if page * size < len(matching):
            path = request.path.replace(self.prefix, self.other_prefix)
            address = f"{self.base_url}{path}?per_page={size}&page={page + 1}"
            headers["Link"] = f'<{address}>; rel="next", <{address}>; rel="last"'
        body = {"total_count": len(matching), "workflow_runs": matching[(page - 1) * size : page * size]}
        return Answer(body=body, headers=headers)


class Airbyte(DocumentedPartner):
    preset = "airbyte"
    prefix = "/v1"
    auth = {"kind": "oauth2", "client_id": "chm", "token_url": "/v1/applications/token", "style": "json"}
    required_header = ("authorization", "Bearer airbyte-token-FAKE")
    pipelines = ("18dccc91-0ab1-4f72-9ed7-0b8fc27c5826", "9924bcd0-99be-453d-ba47-c2c9766f7da5")
    id_field, pipeline_field = "jobId", "connectionId"
    documented_statuses = {
        **{(status,): "running" for status in ("pending", "queued", "running", "incomplete")},
        ("succeeded",): "success",
        ("failed",): "failed",
        ("cancelled",): "canceled",
    }

    def row(self, number: int, pipeline: str, words: tuple[Any, ...], start: datetime) -> dict[str, Any]:
        return {
            "jobId": number,
            "connectionId": pipeline,
            "status": words[0],
            "jobType": "sync",
            "startTime": iso_text(start),
            "lastUpdatedAt": iso_text(start + timedelta(seconds=90)),
            "duration": "PT1M30S",
            "bytesSynced": 1,
            "rowsSynced": 5_000_000_000,
            "note": f"secret={PLANTED_SECRET}",
        }

    def answer(self, request: Request) -> Answer:
        if request.path == "/v1/applications/token":
            body = json.loads(request.body)
            assert body == {"grant_type": "client_credentials", "client_id": "chm", "client_secret": SECRET}
            return Answer(body={"access_token": "airbyte-token-FAKE", "token_type": "Bearer", "expires_in": 180})
        return super().answer(request)

    def one_run(self, request: Request) -> Answer | None:
        if "/jobs/" not in request.path:
            return None
        row = self._row_with_id_at_path_end(request)
        return Answer(body=row) if row else Answer(404, {"status": 404, "title": "resource-not-found"})

    def listing(self, request: Request) -> Answer:
        limit, offset = int(request.query_value("limit") or 20), int(request.query_value("offset") or 0)
        matching = [
            row
            for row in self.rows
            if row["lastUpdatedAt"] >= (request.query_value("updatedAtStart") or "")
            and request.query_value("connectionId") in (None, row["connectionId"])
        ]
        has_more = offset + limit < len(matching)
        # Even a self-hosted Airbyte returns the URL of the public service, so CHM must not request this URL.
        url = f"https://api.airbyte.com/v1/jobs?limit={limit}&offset={offset + limit}" if has_more else ""
        return Answer(body={"previous": "", "next": url, "data": matching[offset : offset + limit]})


class AzureDataFactory(DocumentedPartner):
    preset = "azure_data_factory"
    prefix = "/subscriptions/s/resourceGroups/g/providers/Microsoft.DataFactory/factories/f"
    auth = {
        "kind": "oauth2",
        "client_id": "chm",
        "token_url": "/tenant/oauth2/v2.0/token",
        "scope": "https://management.azure.com/.default",
    }
    required_header = ("authorization", "Bearer entra-token-FAKE")
    pipelines = ("Copy Sales", "Übersicht täglich")
    id_field, pipeline_field = "runId", "pipelineName"
    documented_statuses = {
        **{(status,): "running" for status in ("Queued", "InProgress", "Canceling")},
        ("Succeeded",): "success",
        ("Failed",): "failed",
        ("Cancelled",): "canceled",
        ("Canceled",): "canceled",
    }

    def row(self, number: int, pipeline: str, words: tuple[Any, ...], start: datetime) -> dict[str, Any]:
        ended = words[0] in {"Succeeded", "Failed", "Cancelled", "Canceled"}
        return {
            "runId": f"00000000-0000-4000-8000-{number:012}",
            "runGroupId": "g",
            "isLatest": True,
            "pipelineName": pipeline,
            "parameters": {"sas": f"sv=2021&sig={PLANTED_SECRET}", "password": PLANTED_SECRET},
            "runStart": f"{start:%Y-%m-%dT%H:%M:%S}.0000000Z",
            "runEnd": iso_text(start + timedelta(seconds=90)) if ended else None,
            "durationInMs": 90_000 if ended else None,
            "status": words[0],
            "message": f"password={PLANTED_SECRET} broke" if words[0] == "Failed" else "",
            "lastUpdated": iso_text(start + timedelta(seconds=90)),
        }

    def answer(self, request: Request) -> Answer:
        if request.path == "/tenant/oauth2/v2.0/token":
            body = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
            assert (body["grant_type"], body["client_secret"]) == ("client_credentials", SECRET)
            assert body["scope"] == "https://management.azure.com/.default"
            return Answer(body={"access_token": "entra-token-FAKE", "token_type": "Bearer", "expires_in": 3599})
        return super().answer(request)

    def one_run(self, request: Request) -> Answer | None:
        if "/pipelineruns/" not in request.path:
            return None
        row = self._row_with_id_at_path_end(request)
        error = {"error": {"code": "EntityNotFound", "message": "The pipeline run is not found."}}
        return Answer(body=row) if row else Answer(404, error)

    def listing(self, request: Request) -> Answer:
        assert (request.method, request.query_value("api-version")) == ("POST", "2018-06-01")
        requested = json.loads(request.body)
        names = [name for run_filter in requested.get("filters", ()) for name in run_filter["values"]]
        matching = [
            row
            for row in self.rows
            if requested["lastUpdatedAfter"] <= row["lastUpdated"] <= requested["lastUpdatedBefore"]
            and (not names or row["pipelineName"] in names)
        ]
        first = int(requested.get("continuationToken", 0))
        body: dict[str, Any] = {"value": matching[first : first + 100]}
        if first + 100 < len(matching):
            body["continuationToken"] = str(first + 100)
        return Answer(body=body)


class DbtCloud(DocumentedPartner):
    preset = "dbt_cloud"
    prefix = "/api/v2/accounts/77"
    auth = {"kind": "header", "header": "Authorization", "word": "Token"}
    required_header = ("authorization", f"Token {SECRET}")
    id_field, pipeline_field = "id", "job_definition_id"
    documented_statuses = {
        (1,): "running",
        (2,): "running",
        (3,): "running",
        (10,): "success",
        (20,): "failed",
        (30,): "canceled",
    }

    def row(self, number: int, pipeline: str, words: tuple[Any, ...], start: datetime) -> dict[str, Any]:
        def text(moment: datetime) -> str:
            return moment.strftime("%Y-%m-%d %H:%M:%S.%f+00:00")

        return {
            "id": 300_000 + number,
            "job_definition_id": int(pipeline),
            "status": words[0],
            "status_message": f"password={PLANTED_SECRET} broke" if words[0] == 20 else None,
            "created_at": text(start - timedelta(seconds=3)),
            "updated_at": text(start + timedelta(seconds=90)),
            "started_at": text(start),
            "finished_at": text(start + timedelta(seconds=90)) if words[0] >= 10 else None,
            "finished_at_humanized": f"{len(self.requests)} minutes ago",
            "trigger": {"cause": f"api_key={PLANTED_SECRET}"},
        }

    def one_run(self, request: Request) -> Answer | None:
        if request.path.endswith("/runs/"):
            return None
        row = self._row_with_id_at_path_end(request)
        status = {"code": 404, "is_success": False, "user_message": "The requested resource was not found."}
        return Answer(body={"data": row}) if row else Answer(404, {"status": status, "data": None})

    def listing(self, request: Request) -> Answer:
        limit, offset = int(request.query_value("limit") or 100), int(request.query_value("offset") or 0)
        assert limit <= 100
        assert request.query_value("order_by") == "-id"
        job = request.query_value("job_definition_id")
        matching = [row for row in reversed(self.rows) if job in (None, str(row["job_definition_id"]))]
        # finished_at_humanized differs in every response, as on the real server.
        page = [
            row | {"finished_at_humanized": f"{len(self.requests)} ago"} for row in matching[offset : offset + limit]
        ]
        paging = {"count": len(page), "total_count": len(matching)}
        return Answer(body={"status": {"code": 200}, "data": page, "extra": {"pagination": paging}})


class CursorApi(DocumentedPartner):
    """A partner with the preset cursor_api, which is for a simple API that pages by cursors."""

    preset = "cursor_api"
    pipelines = ("orders", "invoices")
    id_field, pipeline_field = "id", "pipeline_id"
    documented_statuses = {
        **{(word,): "running" for word in ("running", "in_progress", "queued", "pending")},
        **{(word,): "success" for word in ("success", "succeeded", "Completed")},
        **{(word,): "failed" for word in ("failed", "FAILURE", "error", "errored")},
        **{(word,): "canceled" for word in ("canceled", "cancelled", "aborted")},
        ("skipped",): "skipped",
    }

    def row(self, number: int, pipeline: str, words: tuple[Any, ...], start: datetime) -> dict[str, Any]:
        ended = self.documented_statuses[words] != "running"
        return {
            "id": f"run-{number}",
            "pipeline_id": pipeline,
            "status": words[0],
            "started_at": iso_text(start),
            "finished_at": iso_text(start + timedelta(seconds=90)) if ended else None,
            "updated_at": iso_text(start + timedelta(seconds=90)),
            "error_message": f"token={PLANTED_SECRET}",
        }

    def one_run(self, request: Request) -> Answer | None:
        return None

    def listing(self, request: Request) -> Answer:
        assert request.path == "/runs"
        first = int(request.query_value("cursor") or 0)
        matching = [
            row
            for row in self.rows
            if row["updated_at"] >= (request.query_value("updated_since") or "")
            and request.query_value("pipeline_id") in (None, row["pipeline_id"])
        ]
        next_cursor = str(first + 50) if first + 50 < len(matching) else None
        return Answer(body={"items": matching[first : first + 50], "next_cursor": next_cursor})


PARTNERS: tuple[type[DocumentedPartner], ...] = (
    Databricks,
    GitHubActions,
    Airbyte,
    AzureDataFactory,
    DbtCloud,
    CursorApi,
)
