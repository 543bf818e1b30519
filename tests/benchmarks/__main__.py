"""Run the benchmarks and print the table: `python -m tests.benchmarks [http] [process] [load]`."""

from __future__ import annotations

import compileall
import os
import sys
from collections.abc import Callable

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


def _load() -> list[Figure]:
    from tests.benchmarks import loading

    return loading.measure()


PARTS: dict[str, Callable[[], list[Figure]]] = {"process": _process, "http": _http, "load": _load}


def main() -> None:
    """Measure what the arguments name, everything by default."""
    if not SHARED_DATA.is_dir():
        sys.exit(f"The benchmarks read real data, and there is none at {SHARED_DATA}; set FHIR_TEST_DATA.")
    # An installed program has its bytecode. Without it every process that a load starts would compile the sources.
    for package in ("fhir_server", "profiles"):
        compileall.compile_dir(REPOSITORY / package, quiet=1)
    cores = os.sched_getaffinity(0)
    table = Table(title="Benchmarks: ratios in one run")
    for heading in ("work", "measured", "aim", ""):
        table.add_column(heading)
    for name in sys.argv[1:] or PARTS:
        os.sched_setaffinity(0, cores if name == "load" else {CLIENT_CORE})
        for figure in PARTS[name]():
            table.add_row(figure.work, figure.measured, figure.aim, "reached" if figure.reached else "missed")
    Console(width=170).print(table)


if __name__ == "__main__":
    main()
