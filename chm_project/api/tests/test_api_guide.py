"""Send each example of docs/api.md, in order, and compare the response with the document."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from chm_project.tests.api import ROOT, api_with_scope

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "api.md"
EXAMPLE = re.compile(
    r"^```http\n(GET|POST|PUT|PATCH) (\S+)\n((?:[A-Z][\w-]+: .+\n)*)(\{.*\}\n)?\n(\d+)\n(\{.*\})\n```$", re.MULTILINE
)


def contains(documented: Any, answered: Any) -> bool:
    """Return whether the response has everything in the example of the document."""
    if isinstance(documented, dict):
        return isinstance(answered, dict) and all(
            name in answered and contains(value, answered[name]) for name, value in documented.items()
        )
    if isinstance(documented, list):
        return len(documented) == len(answered) and all(map(contains, documented, answered))
    return bool(documented == answered)


@pytest.mark.django_db
def test_every_example_gets_the_response_that_the_document_shows() -> None:
    text = DOCUMENT.read_text()
    examples = EXAMPLE.findall(text)
    assert len(examples) == text.count("```http\n"), "each block: request, headers, body, blank line, response"
    api = api_with_scope("write")
    created_ids: dict[str, str] = {}
    for method, path, headers, body, status, documented in examples:
        for name, value in created_ids.items():
            path, body = path.replace(f"{{{name}}}", value), body.replace(f"{{{name}}}", value)
        send: Any = getattr(api, method.lower())
        sent_headers = dict(line.split(": ", 1) for line in headers.splitlines())
        arguments = [json.loads(body)] if body else []
        response = send(f"{ROOT}{path}", *arguments, headers=sent_headers)

        assert response.status_code == int(status), (method, path, response.content)
        assert contains(json.loads(documented), response.json()), (method, path, response.json())
        if status == "201" and method == "POST":
            collection = path.rpartition("/")[2]
            id_name = {"clients": "client_id", "alert_rules": "rule_id", "pipelines": "pipeline_id", "runs": "run_id"}[
                collection
            ]
            created_ids[id_name] = response.json()["id"]
