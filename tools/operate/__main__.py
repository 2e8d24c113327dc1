"""python -m tools.operate units|life|recovery: test docs/examples and the commands of docs/operations."""

import argparse
import sys


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.operate", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("units", help="check the systemd units, nginx and Caddy files with their own programs")
    commands.add_parser("recovery", help="recover a database to the moment before a mistake")
    life_parser = commands.add_parser("life", help="simulate the life of an installation, from the previous release on")
    life_parser.add_argument(
        "--short", action="store_true", help="as CI does: download no packages, and leave out collectstatic"
    )
    options = parser.parse_args()
    match options.command:
        case "units":
            from tools.operate import units

            return units.check()
        case "recovery":
            from tools.operate import recovery

            return recovery.drill()
        case _:
            from tools.operate import life

            return life.run_steps(short=options.short)


if __name__ == "__main__":
    sys.exit(main())
