"""Paths of CHM's files, in a checkout or in an environment with the installed wheel."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IS_CHECKOUT = (ROOT / "manage.py").is_file()
# Location of the wheel's data files (pyproject.toml, data-files).
_SHARE = Path(sys.prefix) / "share" / "chm"

TEMPLATES = ROOT / "templates" if IS_CHECKOUT else _SHARE / "templates"
DATA_SETS = ROOT / "data" / "synthetic" if IS_CHECKOUT else _SHARE / "synthetic"
STATIC_ROOT = ROOT / "staticfiles" if IS_CHECKOUT else _SHARE / "staticfiles"
# The default of CHM_DATA_DIR.
DATA_DIR = (ROOT if IS_CHECKOUT else Path.cwd()) / ".chm"
