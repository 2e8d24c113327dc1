"""The installed version of CHM, from pyproject.toml."""

from importlib.metadata import version

VERSION = version("chm")
