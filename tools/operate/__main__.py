"""python -m tools.operate units | life | recovery: run the operations guide by programs."""

import argparse
import sys


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.operate", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("units", help="judge the systemd units, nginx and Caddy files by their own programs")
    commands.add_parser("recovery", help="recover a database to a moment before an accident")
    life = commands.add_parser("life", help="a life of an installation, from the former release on")
    life.add_argument("--short", action="store_true", help="with the packages of this environment (what CI runs)")
    options = parser.parse_args()
    match options.command:
        case "units":
            from tools.operate import units

            return units.check()
        case "recovery":
            from tools.operate import recovery

            return recovery.drill()
        case _:
            from tools.operate import life as of_life

            return of_life.live(short=options.short)


if __name__ == "__main__":
    sys.exit(main())
