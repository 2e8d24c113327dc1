"""API tokens in the console: create them, show each once, list and revoke them."""

import secrets
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.cache import cache
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from chm_project.access.models import ApiToken, Scope
from chm_project.access.permissions import manages_users
from chm_project.access.services import create_token, revoke_token
from chm_project.access.visibility import visibility_of
from chm_project.admin_kit.admin_bases import ModelAdmin, NoHardDeleteMixin, action, display
from chm_project.admin_kit.badges import badge
from chm_project.admin_kit.visible_rows import VisibleRowsMixin
from chm_project.console.admin.push_examples import push_examples
from runs.push.unmatched_jobs import unmatched_jobs

if TYPE_CHECKING:
    _TokenForm = forms.ModelForm[ApiToken]
else:
    _TokenForm = forms.ModelForm


FORM_KEY_SECONDS = 24 * 3600
# For each state of a token, the style of its badge.
STATE_BADGES = {"valid": "success", "disabled": "warning", "expired": "warning", "revoked": "failed"}


class FormAlreadySent(Exception):
    """The same form was sent before, and its token exists."""


class TokenForm(_TokenForm):
    # True for bound users: a token that they create must be bound to one of their clients or pipelines.
    must_be_bound = False
    # A random key per opened form: if the browser sends the form twice, the second one creates no token.
    form_key = forms.CharField(required=False, widget=forms.HiddenInput, initial=lambda: secrets.token_hex(16))

    class Meta:
        model = ApiToken
        fields = ("name", "scope", "client", "pipeline", "expires_at")
        help_texts: ClassVar = {
            "client": "The token sees only this client. Empty: all clients.",
            "pipeline": "The token sees only this pipeline and its runs. Empty: all pipelines.",
            "expires_at": "In UTC. Empty: the token does not expire.",
        }

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("client") and values.get("pipeline"):
            raise forms.ValidationError("Bind a token to a client or to a pipeline, not to both.")
        if self.must_be_bound and not (values.get("client") or values.get("pipeline")):
            raise forms.ValidationError("Bind the token to one of your clients or pipelines.")
        return values


class TokenAdmin(VisibleRowsMixin[ApiToken], NoHardDeleteMixin, ModelAdmin[ApiToken]):
    form = TokenForm
    client_lookup = "bound_to"
    list_display = ("name", "visible_part", "scope", "client", "pipeline", "state", "expires_at", "last_used_at")
    list_filter = ("scope",)
    list_select_related = ("client", "pipeline", "user")
    search_fields = ("name", "prefix")
    search_help_text = "Name, or the part after chm_"
    autocomplete_fields = ("client", "pipeline")
    # The page of a token shows these fields, which the form for a new token does not have.
    stored_fields = ("state", "created_at", "last_used_at", "unmatched")
    actions = ("revoke",)
    actions_detail = ("revoke_this",)

    def visible(self, request: HttpRequest, rows: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
        # A token is bound to a client, or to a pipeline and so to the client of the pipeline.
        return super().visible(request, rows.alias(bound_to=Coalesce("pipeline__client_id", "client_id")))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        # No page shows the digest, so do not read it.
        return super().get_queryset(request).defer("digest")

    def get_form(self, request: HttpRequest, obj: ApiToken | None = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"must_be_bound": visibility_of(request).is_bound})

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """Return True for the list, which offers the action to revoke, and False for a token: it cannot be edited."""
        return obj is None and super().has_change_permission(request)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return the initial values from the URL. Leave out invalid ids, which would be an error."""
        initial = super().get_changeform_initial_data(request)
        return {name: value for name, value in initial.items() if name in {"name", "scope"} or _is_id(value)}

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return super().has_change_permission(request)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Return the action that revokes the token; empty if it is revoked already."""
        token = self.get_object(request, str(object_id))
        actions: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]  # unfold's
        return actions if token is not None and token.revoked_at is None else []

    @action(description="Revoke…", permissions=["revoke"], url_path="revoke")
    def revoke_this(self, request: HttpRequest, object_id: str) -> HttpResponse:
        token = self.get_object(request, object_id)
        if token is None:
            raise Http404
        token_url = reverse("admin:access_apitoken_change", args=[token.pk])
        if request.method == "POST":
            self._revoke(request, [token])
            return HttpResponseRedirect(token_url)
        context = {
            **self.admin_site.each_context(request), "title": f"Revoke {token.name}", "token": token,
            "visible_part": self.visible_part(token), "token_url": token_url, "opts": self.opts,
        }  # fmt: skip
        return TemplateResponse(request, "admin/access/apitoken/revoke.html", context)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        return [*super().get_readonly_fields(request, obj), *(self.stored_fields if obj is not None else [])]

    @display(description="lineage jobs without a pipeline")
    def unmatched(self, token: ApiToken) -> str:
        """Return the external ids of the latest lineage jobs without a pipeline, one per line; "none" without jobs."""
        return "\n".join(unmatched_jobs(token)) or "none"

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "scope" and not manages_users(request):
            kwargs["choices"] = [(Scope.INGEST.value, Scope.INGEST.label)]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except FormAlreadySent:
            messages.warning(
                request,
                "This form was sent before, so no second token was made. A token is shown once: if you did not copy "
                "it, revoke it and make another.",
            )
            return HttpResponseRedirect(reverse("admin:access_apitoken_changelist"))

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        form_key = form.cleaned_data.get("form_key")
        # add() fails if the key exists, so only the first of two requests creates a token.
        if form_key and not cache.add(f"token-form:{request.user.pk}:{form_key[:64]}", 1, FORM_KEY_SECONDS):
            raise FormAlreadySent
        new_token, plaintext = create_token(
            name=obj.name,
            scope=Scope(obj.scope),
            client_id=obj.client_id,
            pipeline_id=obj.pipeline_id,
            expires_at=obj.expires_at,
        )
        obj.pk, obj.prefix, obj.user = new_token.pk, new_token.prefix, new_token.user
        # response_add shows this secret. Django's messages would store it in a cookie.
        request.chm_plaintext = plaintext  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"Token for {obj.name}",
            "plaintext": request.chm_plaintext,  # type: ignore[attr-defined]
            "token": obj,
            "examples": push_examples(
                obj,
                request.chm_plaintext,  # type: ignore[attr-defined]
                request.build_absolute_uri("/").rstrip("/"),
            ),
            "opts": self.opts,
        }
        response = TemplateResponse(request, "admin/access/apitoken/created.html", context)
        # The page contains the secret, so neither browser nor proxy may keep it.
        response["Cache-Control"] = "no-store"
        return response

    @admin.action(description="Revoke the selected tokens", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        self._revoke(request, list(queryset.filter(revoked_at__isnull=True)))

    def _revoke(self, request: HttpRequest, tokens: list[ApiToken]) -> None:
        for token in tokens:
            revoke_token(token=token)
            self.log_change(request, token, [{"changed": {"fields": ["revoked_at"]}}])
        count = len(tokens)
        text = "1 token revoked; it stops working at once." if count == 1 else f"{count} tokens revoked."
        self.message_user(request, text, messages.SUCCESS)

    @display(description="visible part")
    def visible_part(self, token: ApiToken) -> str:
        return f"chm_{token.prefix}_…"

    @display(description="state")
    def state(self, token: ApiToken) -> SafeString:
        return badge(STATE_BADGES[token.state], token.state)


def _is_id(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True
