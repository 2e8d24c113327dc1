"""The version of CHM that is installed; pyproject.toml names it."""

from importlib.metadata import version

VERSION = version("chm")
