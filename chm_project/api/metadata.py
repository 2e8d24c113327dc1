from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.metadata import SimpleMetadata
from rest_framework.request import Request, clone_request


class Metadata(SimpleMetadata):
    """Answer OPTIONS with a description of the fields of POST.

    The fields of PUT are not described: REST framework would look up the object, but a pushed run may not exist yet.
    """

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
