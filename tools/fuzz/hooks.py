"""What schemathesis cannot know: an answer with chosen fields lacks the others, which the contract calls required."""

from typing import Any

import schemathesis


@schemathesis.hook
def map_query(context: Any, query: Any) -> Any:
    """Ask for all fields where only known ones are asked for; what is not known is still sent as it is."""
    if not isinstance(query, dict) or "fields" not in query:
        return query
    given = query["fields"] if isinstance(query["fields"], list) else [query["fields"]]
    known = _fields(context.operation)
    return {**query, "fields": known} if given and all(name in known for name in given) else query


def _fields(operation: Any) -> list[str]:
    schema = operation.schema.raw_schema
    parameters = schema["paths"][operation.path][operation.method.lower()]["parameters"]
    [accepted] = [parameter for parameter in parameters if parameter.get("name") == "fields"]
    name = accepted["schema"]["items"]["$ref"].rpartition("/")[2]
    known: list[str] = schema["components"]["schemas"][name]["enum"]
    return known
