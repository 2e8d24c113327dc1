"""Add the console's own pages and columns to Django's admin: users and roles, API tokens, clients, pipelines."""

from django.contrib import admin

from chm_project.access.models import ApiToken
from chm_project.console.admin import people as people  # registers users and roles
from chm_project.console.admin.clients import add_health_columns
from chm_project.console.admin.pipelines import add_run_columns
from chm_project.console.admin.tokens import TokenAdmin

admin.site.register(ApiToken, TokenAdmin)
add_run_columns()
add_health_columns()
