"""Unfold's templates without the chart library that each of its pages loads: our charts are SVG."""

from typing import Any

from django.template.loaders.app_directories import Loader

# 200 kB, in the head and without `defer`, so that a page waits for it before it shows anything.
CHART_LIBRARY = """<script src="{% static 'unfold/js/chart/chart.js' %}"></script>"""
SKELETON = "unfold/layouts/skeleton.html"


class LoaderWithoutCharts(Loader):
    def get_contents(self, origin: Any) -> str:
        contents: str = super().get_contents(origin)
        return contents.replace(CHART_LIBRARY, "") if origin.template_name == SKELETON else contents
