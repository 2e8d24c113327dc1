"""The link from a client's or pipeline's page to the form of its ping key or lineage token, filled in."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action

from chm_project.access.models import Scope


class PushKeyLink:
    model: type[Model]

    @action(  # type: ignore[untyped-decorator]
        description="Make a ping key or lineage token", permissions=["make_push_key"], url_path="push-key"
    )
    def make_push_key(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        found = admin.site.get_model_admin(self.model).get_object(request, object_id)
        said = {
            "scope": Scope.INGEST.value,
            str(self.model._meta.model_name): object_id,
            "name": str(found or "")[:100],
        }
        return HttpResponseRedirect(f"{reverse('admin:access_apitoken_add')}?{urlencode(said)}")

    def has_make_push_key_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("access.add_apitoken"))


def offer_push_keys(*models: type[Model]) -> None:
    """Puts the link on the pages of these models, whichever classes show them."""
    for model in models:
        shown = type(admin.site.get_model_admin(model))
        actions = (*getattr(shown, "actions_detail", ()), "make_push_key")
        admin.site.unregister(model)
        admin.site.register(model, type(shown.__name__, (PushKeyLink, shown), {"actions_detail": actions}))
