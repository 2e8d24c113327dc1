"""The page on which users choose the clients that their board and lists show by default."""

from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from chm_project.access.my_clients import my_clients, save_my_clients
from chm_project.access.visibility import visible_to
from chm_project.console.pages.views import READ_PERMISSIONS, require_permissions
from inventory.models import Client

if TYPE_CHECKING:
    _ClientsField = forms.ModelMultipleChoiceField[Client]
else:
    _ClientsField = forms.ModelMultipleChoiceField


class MyClientsForm(forms.Form):
    clients = _ClientsField(Client.objects.none(), required=False, widget=forms.CheckboxSelectMultiple)


@require_http_methods(["GET", "HEAD", "POST"])
@require_permissions(*READ_PERMISSIONS)
def my_clients_page(request: HttpRequest) -> HttpResponse:
    form = MyClientsForm(request.POST if request.method == "POST" else None, initial={"clients": my_clients(request)})
    field: forms.ModelMultipleChoiceField[Client] = form.fields["clients"]  # type: ignore[assignment]
    field.queryset = visible_to(request, Client.objects.order_by("name"), client_lookup="id", pipeline_lookup=None)
    if request.method == "POST" and form.is_valid():
        chosen = [client.pk for client in form.cleaned_data["clients"]]
        save_my_clients(request.user, chosen)  # type: ignore[arg-type]  # logged in
        selection = f"only {len(chosen)} of the" if chosen else "all"
        message = f"The board and the lists now show {selection} clients by default."
        messages.success(request, message)
        return HttpResponseRedirect(reverse("admin:index"))
    context = {**admin.site.each_context(request), "title": "My clients", "form": form}
    return TemplateResponse(request, "console/my_clients.html", context)
