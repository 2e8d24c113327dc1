"""Who may do what: the scope of a token, or the roles of a person.

A view says what it needs by these attributes; all of them have defaults.

    required_scope      the scope a token needs; else read for reading and write for writing
    queryset            its model's view, add, change and delete permissions are what a person needs
    method_permissions  other kinds of permission by method, where deleting is really a change
    permission          one full permission name, for views without a model
"""

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from chm_project.access.models import ApiToken, Scope

if TYPE_CHECKING:
    from rest_framework.views import APIView

_KINDS = {"POST": "add", "PUT": "change", "PATCH": "change", "DELETE": "delete"}


class ScopedPermission(BasePermission):
    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not request.user.is_authenticated:
            return False
        if isinstance(request.auth, ApiToken):
            needed = required_scope(request, view)
            self.message = f"This token has the scope {request.auth.scope}; this request takes the scope {needed}."
            return request.auth.grants(needed)
        permission = required_permission(request, view)
        self.message = f"Your roles do not allow this; it takes the permission {permission}. Ask an administrator."
        return permission is not None and request.user.has_perm(permission)


def manages_people(request: HttpRequest) -> bool:
    """Users who may assign roles may also bind users to clients and give tokens any scope."""
    return bool(request.user.has_perm("auth.change_user"))


def required_scope(request: Request, view: Any) -> str:
    default = Scope.READ if request.method in SAFE_METHODS else Scope.WRITE
    return str(getattr(view, "required_scope", None) or default)


def required_permission(request: Request, view: Any) -> str | None:
    """None, which nobody has, for a view that says neither a permission nor a model."""
    if permission := getattr(view, "permission", None):
        return str(permission)
    if (queryset := getattr(view, "queryset", None)) is None:
        return None
    meta = queryset.model._meta
    method = request.method or ""
    kind = "view" if method in SAFE_METHODS else getattr(view, "method_permissions", {}).get(method, _KINDS[method])
    return f"{meta.app_label}.{kind}_{meta.model_name}"
