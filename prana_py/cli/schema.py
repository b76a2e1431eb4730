"""``prana migrate``: the tables of a store, as this version of the code wants them."""

from __future__ import annotations

import sys
from argparse import Namespace

from prana_py.cli.exit_codes import FAILED, OK
from prana_py.cli.screen import screen_for
from prana_py.cli.store_engine import address_of, must_exist
from prana_py.cli.values import print_json
from prana_py.stores import migrations
from prana_py.stores.opening import connect
from prana_py.stores.places import place_of


def migrate(arguments: Namespace) -> int:
    """Apply what is missing; with ``--check`` only tell it."""
    place = place_of(address_of(arguments.db))
    if arguments.check:
        must_exist(place)
    database = connect(place)
    try:
        found = migrations.status(database)
        migrations.check_not_newer(database, found)
        missing = [f"{one.number:04}_{one.name}" for one in found.missing]
        applied = [] if arguments.check else migrations.migrate(database)
    finally:
        database.close()
    if arguments.json:
        print_json({"applied": applied, "missing": missing if arguments.check else []}, sys.stdout)
    else:
        _tell(applied, missing, check=arguments.check)
    return FAILED if arguments.check and missing else OK


def _tell(applied: list[str], missing: list[str], *, check: bool) -> None:
    screen = screen_for(sys.stdout)
    for name in missing if check else applied:
        screen.line((name, "bold"), " is missing" if check else " applied")
    if not (missing if check else applied):
        screen.line("nothing is missing")
