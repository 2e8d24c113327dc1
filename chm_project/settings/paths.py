"""The paths of CHM's files. They are different in a checkout and in an environment with the installed wheel."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IS_CHECKOUT = (ROOT / "manage.py").is_file()
# The folder in which pip installs the data files of the wheel (`data-files` in pyproject.toml).
_SHARE = Path(sys.prefix) / "share" / "chm"

TEMPLATES = ROOT / "templates" if IS_CHECKOUT else _SHARE / "templates"
DATA_SETS = ROOT / "data" / "synthetic" if IS_CHECKOUT else _SHARE / "synthetic"
STATIC_ROOT = ROOT / "staticfiles" if IS_CHECKOUT else _SHARE / "staticfiles"
# The default of CHM_DATA_DIR.
DATA_DIR = (ROOT if IS_CHECKOUT else Path.cwd()) / ".chm"
