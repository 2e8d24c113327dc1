#!/usr/bin/env python
"""CHM's command line; `manage.py help` lists the commands."""

from chm_project.command_line import main

if __name__ == "__main__":
    main()
