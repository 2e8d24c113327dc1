"""API tokens, the clients that users are bound to, and the clients that users see by default."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from uuid_utils.compat import uuid7


class Scope(models.TextChoices):
    READ = "read", "Read"
    INGEST = "ingest", "Push runs and start ingestions"
    WRITE = "write", "Read, push runs, and change inventory, rules and known failures"
    ADMIN = "admin", "Everything"


# The scopes that each scope includes. An ingest token is stored in cron lines and job configurations, so it may push
# runs and start ingestions, but not read runs. No request needs the scope admin.
GRANTED_SCOPES: dict[str, frozenset[str]] = {
    Scope.READ: frozenset({Scope.READ}),
    Scope.INGEST: frozenset({Scope.INGEST}),
    Scope.WRITE: frozenset({Scope.READ, Scope.INGEST, Scope.WRITE}),
    Scope.ADMIN: frozenset(Scope),
}


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def valid(self) -> "ApiTokenQuerySet":
        """Return the tokens whose state is valid."""
        # Now() is evaluated by the database. find_token compiles this query once per process, so a time from Python
        # would never change.
        return self.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=Now()), revoked_at__isnull=True, user__is_active=True
        )


class ApiToken(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=100, help_text="Which program uses it.")
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="api_token",
        help_text="The log shows this account as the author of the token's actions.",
    )
    prefix = models.CharField(max_length=16, editable=False, help_text="The visible part, which identifies the token.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scope = models.CharField(max_length=10, choices=Scope)
    client = models.ForeignKey(
        "inventory.Client", on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        help_text="If set, the token sees only this client.",
    )  # fmt: skip
    pipeline = models.ForeignKey(
        "inventory.Pipeline", on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        help_text="If set, the token sees only this pipeline and its runs.",
    )  # fmt: skip
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, db_default=Now())

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        db_table = "api_tokens"
        verbose_name = "API token"
        ordering = ["name", "id"]
        # A permission in Django belongs to a model. Ingestion has no model, so its permission is here.
        permissions = [("run_ingestion", "Can start an ingestion")]
        constraints = [
            models.CheckConstraint(
                condition=Q(scope__in=Scope.values),
                name="api_tokens_scope_valid",
                violation_error_message=f"scope must be one of: {', '.join(Scope.values)}.",
            ),
            models.CheckConstraint(
                condition=Q(client__isnull=True) | Q(pipeline__isnull=True),
                name="api_tokens_one_binding",
                violation_error_message="Bind a token to a client or to a pipeline, not to both.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (chm_{self.prefix}_…)"

    @property
    def is_bound(self) -> bool:
        return self.client_id is not None or self.pipeline_id is not None

    @property
    def state(self) -> str:
        """Return "valid", "disabled", "expired" or "revoked". "disabled" means that the token's account is disabled."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= timezone.now():
            return "expired"
        return "valid" if self.user.is_active else "disabled"

    def grants(self, scope: str) -> bool:
        return scope in GRANTED_SCOPES[self.scope]


class Binding(models.Model):
    """Restriction of a user, or of the users of a group, to some clients. They see nothing of other clients.

    Bindings add up. A user whose bindings have no clients sees no client.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="binding"
    )
    # Deleting a group must not unbind its users.
    group = models.OneToOneField("auth.Group", on_delete=models.PROTECT, null=True, blank=True, related_name="binding")
    clients = models.ManyToManyField(
        "inventory.Client",
        blank=True,
        related_name="+",
        db_table="access_binding_clients",
        help_text="The user, or the users of the group, see only these clients. Several bindings add up; without any "
        "client, they see nothing.",
    )

    class Meta:
        db_table = "access_bindings"
        verbose_name = "binding to clients"
        verbose_name_plural = "binding to clients"
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, group__isnull=True) | Q(user__isnull=True, group__isnull=False),
                name="access_bindings_one_holder",
                violation_error_message="A binding belongs to a person or to a group.",
            )
        ]

    def __str__(self) -> str:
        return f"binding of {self.user or self.group}"


class MyClient(models.Model):
    """A client that a user's board and lists show by default. One click shows all clients."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="my_clients")
    client = models.ForeignKey("inventory.Client", on_delete=models.CASCADE, related_name="+")

    class Meta:
        db_table = "access_my_clients"
        constraints = [models.UniqueConstraint(fields=["user", "client"], name="access_my_clients_unique")]

    def __str__(self) -> str:
        return f"{self.client} of {self.user}"
