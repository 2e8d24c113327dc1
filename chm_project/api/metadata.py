from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.metadata import SimpleMetadata
from rest_framework.request import Request, clone_request


class Metadata(SimpleMetadata):
    """What OPTIONS tells. Of bodies only those that make something new: the framework looks for a stored object
    before it describes a PUT, but a run of CHM may be pushed before it exists."""

    def determine_actions(self, request: Request, view: Any) -> dict[str, Any]:
        if "POST" not in view.allowed_methods or not hasattr(view, "get_serializer"):
            return {}
        view.request = clone_request(request, "POST")
        try:
            view.check_permissions(view.request)
        except APIException:
            return {}
        else:
            return {"POST": self.get_serializer_info(view.get_serializer())}
        finally:
            view.request = request
