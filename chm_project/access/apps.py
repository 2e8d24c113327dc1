from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in


class AccessConfig(AppConfig):
    name = "chm_project.access"
    label = "access"
    # As the menu of the console groups its pages.
    verbose_name = "Access"

    def ready(self) -> None:
        from chm_project.access.login_limits import give_back

        user_logged_in.connect(give_back, dispatch_uid="give back a login")
