"""Run the benchmarks and print the table: `python -m tests.benchmarks [PART...] [--scale N]`.

The parts are process, terminology, profiles, limited, http, auth, sockets, subscriptions, views, load and search;
without any all of them.

`--scale` is how many copies of the data searches meet, 16 unless given; the aims are those for 16.
"""

from __future__ import annotations

import argparse
import compileall
import os
import sys
from collections.abc import Callable
from functools import partial

from rich.console import Console
from rich.table import Table

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import CLIENT_CORE, REPOSITORY
from tests.fakes.shared import SHARED_DATA


def _http() -> list[Figure]:
    from tests.benchmarks import http_rates

    return http_rates.measure()


def _process() -> list[Figure]:
    from tests.benchmarks import in_process

    return in_process.measure()


def _limited() -> list[Figure]:
    from tests.benchmarks import limited

    return limited.measure()


def _terminology() -> list[Figure]:
    from tests.benchmarks import terminology

    return terminology.measure()


def _loaded() -> list[Figure]:
    from tests.benchmarks import loaded

    return loaded.measure()


def _profiles() -> list[Figure]:
    from tests.benchmarks import profiles

    return profiles.measure()


def _auth() -> list[Figure]:
    from tests.benchmarks import authenticated

    return authenticated.measure()


def _sockets() -> list[Figure]:
    from tests.benchmarks import sockets

    return sockets.measure()


def _subscriptions() -> list[Figure]:
    from tests.benchmarks import subscriptions

    return subscriptions.measure()


def _views() -> list[Figure]:
    from tests.benchmarks import views

    return views.measure()


def _load() -> list[Figure]:
    from tests.benchmarks import loading

    return loading.measure()


def _search(scale: int) -> list[Figure]:
    from tests.benchmarks import searching

    return searching.measure(scale)


def _parts(scale: int) -> dict[str, Callable[[], list[Figure]]]:
    return {
        "process": _process,
        "limited": _limited,
        "terminology": lambda: [*_terminology(), *_loaded()],
        "profiles": _profiles,
        "http": _http,
        "auth": _auth,
        "sockets": _sockets,
        "subscriptions": _subscriptions,
        "views": _views,
        "load": _load,
        "search": partial(_search, scale),
    }


def main() -> None:
    """Measure what the arguments name, everything by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="*")
    parser.add_argument("--scale", type=int, default=16)
    options = parser.parse_args()
    parts = _parts(options.scale)
    unknown = set(options.part) - parts.keys()
    if unknown or options.scale < 1:
        parser.error(f"there are the parts {', '.join(parts)}; --scale is 1 or more")
    if not SHARED_DATA.is_dir():
        sys.exit(f"The benchmarks read real data, and there is none at {SHARED_DATA}; set FHIR_TEST_DATA.")
    # An installed program has its bytecode. Without it every process that a load starts would compile the sources.
    for package in ("auth", "fhir_server", "profiles", "realtime"):
        compileall.compile_dir(REPOSITORY / package, quiet=1)
    cores = os.sched_getaffinity(0)
    table = Table(title="Benchmarks: ratios in one run")
    for heading in ("work", "measured", "aim", ""):
        table.add_column(heading)
    for name in options.part or parts:
        os.sched_setaffinity(0, cores if name == "load" else {CLIENT_CORE})
        for figure in parts[name]():
            table.add_row(figure.work, figure.measured, figure.aim, "reached" if figure.reached else "missed")
    Console(width=170).print(table)


if __name__ == "__main__":
    main()
