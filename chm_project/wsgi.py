"""The WSGI application for web servers."""

import os

from django.core.wsgi import get_wsgi_application

from chm_project.db import limits

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chm_project.settings.development")
limits.limit_process(limits.API)

application = get_wsgi_application()
