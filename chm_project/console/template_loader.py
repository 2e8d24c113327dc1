"""Change Unfold's templates: remove the chart library, add landmarks and labels, hide icons from screen readers."""

import re
from typing import Any

from django.template.loaders.app_directories import Loader

# Unfold loads this library of 200 kB in the head without `defer`, so a page would stay blank until the library
# has arrived. CHM draws its charts as SVG and does not need the library.
CHART_LIBRARY = """<script src="{% static 'unfold/js/chart/chart.js' %}"></script>"""
LOGIN_ERROR_NOTE = '{% include "unfold/helpers/messages/errornote.html" with errors=form.errors %}'
MENU_BUTTON = (
    '<button type="button" aria-label="Show or hide the menu" aria-controls="nav-sidebar" class="cursor-pointer flex '
    'flex-row items-center" '
    "x-on:click.self=\"Array.from($el.children).find((icon) => getComputedStyle(icon).display !== 'none').click()\">"
)
MENU_ICONS_END = '</span>\n\n        <span class="block bg-base-200'
# Texts and their replacements. A test checks that each text still exists.
REPLACEMENTS_BY_TEMPLATE = {
    "unfold/layouts/skeleton.html": [(CHART_LIBRARY, "")],
    "admin/base.html": [('<div id="content" class', '<div id="content" role="main" tabindex="-1" class')],
    "admin/search_form.html": [
        ('<button type="submit" class', '<button type="submit" aria-label="Search" class'),
        ('<input type="text"', '<input type="text" aria-label="Search"'),
    ],
    # Remove "Please correct the error below", because the form already says why the login was refused.
    "admin/login.html": [(LOGIN_ERROR_NOTE, "")],
    "registration/logged_out.html": [
        ("You have been successfully logged out from the administration", "You are logged out"),
        (
            "Thanks for spending some quality time with the web site today.",
            "If others use this computer, close the browser too.",
        ),
    ],
    "unfold/helpers/header.html": [('<div class="bg-white', '<div role="banner" class="bg-white')],
    # The icons that open the menu can only be clicked, so the keyboard and screen readers need a button around them.
    "unfold/helpers/welcomemsg.html": [
        ('<span class="cursor-pointer flex flex-row items-center">', MENU_BUTTON),
        (MENU_ICONS_END, '</button>\n\n        <span class="block bg-base-200'),
    ],
    "unfold/helpers/navigation.html": [
        ('<nav id="nav-sidebar-inner"', '<nav id="nav-sidebar-inner" aria-label="Menu"')
    ],
    "unfold/helpers/navigation_user.html": [("<nav class", '<nav aria-label="Account" class')],
    "unfold/helpers/site_icon.html": [
        ('class="bg-primary-600 flex', 'aria-hidden="true" tabindex="-1" class="bg-primary-600 flex'),
    ],
    "unfold/helpers/app_list.html": [
        ('<h2 class="font-semibold', '<p class="font-semibold'),
        ("</h2>", "</p>"),
        ('overflow-auto" data-simplebar', 'overflow-auto" data-simplebar data-simplebar-aria-label="Pages"'),
        ("<a href=", '<a{% if item.active %} aria-current="page"{% endif %} href='),
    ],
    "unfold/helpers/add_link.html": [('title="{{ title }}"', 'title="{{ title }}" aria-label="{{ title }}"')],
    "unfold/helpers/tab_actions.html": [
        ("""extra_attrs="x-on:click='showActions""", """extra_attrs="aria-label='Actions' x-on:click='showActions"""),
    ],
    "unfold/helpers/pagination.html": [
        ('<div class="px-4', '<div role="region" aria-label="Number of rows" class="px-4')
    ],
    "admin/submit_line.html": [
        (
            '<div {% if not is_popup %}id="submit-row"{% endif %} class',
            '<div {% if not is_popup %}id="submit-row"{% endif %} role="region" aria-label="Save" class',
        )
    ],
    "unfold/helpers/empty_results.html": [
        ("No results found", "Nothing to show"),
        (
            "This page yielded into no results. Create a new item or reset your filters.",
            "Nothing matches these filters, or there is nothing yet.",
        ),
    ],
}
# This heading is replaced, because it becomes "By is active" for a column such as is_active.
FILTER_HEADING = "{% blocktranslate with filter_title=title %} By {{ filter_title }} {% endblocktranslate %}"
# The font of these elements draws words as icons. A screen reader would read the word, such as "monitor_heart".
ICON = re.compile(r'<span class="([^"]*\bmaterial-symbols-outlined\b)')


class UnfoldTemplateLoader(Loader):
    def get_contents(self, origin: Any) -> str:
        contents: str = super().get_contents(origin)
        for old, new in REPLACEMENTS_BY_TEMPLATE.get(str(origin.template_name), []):
            contents = contents.replace(old, new)
        contents = contents.replace(FILTER_HEADING, "{{ title|capfirst }}")
        return ICON.sub(r'<span aria-hidden="true" class="\1', contents)
