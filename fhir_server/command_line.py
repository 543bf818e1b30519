"""What the groups of commands share: their options for store and settings, exit codes, and how they speak."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

if TYPE_CHECKING:
    from fhir_server.settings import Settings

FAILED, USAGE = 1, 2
GAP = "  "

StoreOption = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Where the data is, as sqlite:///PATH.", show_default="sqlite:///./data/fhir.db"),
]
ConfigOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A TOML file with settings; options and environment win.")
]
CertOption = Annotated[
    str | None, typer.Option("--tls-cert", metavar="FILE", help="Serve https with this certificate.")
]
KeyOption = Annotated[str | None, typer.Option("--tls-key", metavar="FILE", help="The certificate's key.")]


@dataclass(frozen=True, slots=True)
class Line:
    """What commands need of the command line: how to read settings, to stop with a message and a code, and to print.

    `demand_store` stops when there is no store yet.
    """

    settings: Callable[..., Settings]
    demand_store: Callable[[Settings], None]
    stop: Callable[[str, int], NoReturn]
    out: Console
    err: Console


def columns(out: Console, names: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[str] = ()) -> None:
    """Print rows below their names, those of `right` to the right, each on one line: what is broken into pieces can
    neither be copied nor searched.
    """
    from rich.cells import cell_len

    lines = [names, *rows]
    widths = [max(cell_len(line[at]) for line in lines) for at in range(len(names))]
    for line in lines:
        blanks = [" " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)]
        cells = [
            blank + cell if name in right else cell + blank
            for name, cell, blank in zip(names, line, blanks, strict=True)
        ]
        out.print(GAP.join(cells).rstrip(), markup=False, soft_wrap=True)
