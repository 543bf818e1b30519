"""`fhir-server package add | list | remove`: FHIR packages in a store that no server holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console

from fhir_server.command_line import FAILED, USAGE, ConfigOption, Line, StoreOption, columns
from fhir_server.errors import NotFound, Refusal, StoreHeld

if TYPE_CHECKING:
    from fhir_server.packages.report import Removal, Report
    from fhir_server.settings import Settings
    from fhir_server.store.base import Record

T = TypeVar("T")

SHOWN = 20
"""How many unresolved canonicals and warnings are listed before the rest is counted."""


def package_commands(line: Line) -> typer.Typer:
    """Return the commands, for the command line that they are part of."""
    commands = typer.Typer(
        help="FHIR packages (implementation guides): add, list, remove.",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    for name, command in (("add", _add_command), ("list", _list_command), ("remove", _remove_command)):
        commands.command(name)(command(line))
    return commands


def _add_command(line: Line) -> Callable[..., None]:
    def add(
        paths: Annotated[
            list[Path],
            typer.Argument(
                metavar="PATH", help="Packages: .tgz files, or folders with a package.json.", show_default=False
            ),
        ],
        strict: Annotated[
            bool, typer.Option("--strict", help="Refuse what needs packages or definitions that are not here.")
        ] = False,
        examples: Annotated[
            bool, typer.Option("--examples", help="Put their examples too, as ordinary resources: for trials.")
        ] = False,
        store: StoreOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Install packages, in the order given. One that is in already changes nothing.

        [dim]Examples[/dim]

        [cyan]fhir-server package add hl7.fhir.fr.core-2.2.0.tgz[/cyan]

        [cyan]fhir-server package add --strict terminology.tgz guide/ --store sqlite:///./data/trial.db[/cyan]
        """
        settings = line.settings(config, store=store)
        for path in paths:
            if not path.exists():
                line.stop(f"There is no package at {path}.", USAGE)
        if _asked(line, lambda: asyncio.run(_add(settings, paths, strict, examples, line.out))):
            raise typer.Exit(FAILED)

    return add


def _list_command(line: Line) -> Callable[..., None]:
    def list_(store: StoreOption = None, config: ConfigOption = None) -> None:
        """List the packages that are installed."""
        settings = line.settings(config, store=store)
        line.demand_store(settings)
        _table(line.out, _asked(line, lambda: asyncio.run(_listed(settings))))

    return list_


def _remove_command(line: Line) -> Callable[..., None]:
    def remove(
        packages: Annotated[
            list[str],
            typer.Argument(metavar="NAME[#VERSION]", help="Without a version: all of them.", show_default=False),
        ],
        store: StoreOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Remove packages, with what they brought and nothing else.

        [dim]Example[/dim]

        [cyan]fhir-server package remove hl7.fhir.fr.core#2.1.0[/cyan]
        """
        settings = line.settings(config, store=store)
        line.demand_store(settings)
        for removal in _asked(line, lambda: asyncio.run(_remove(settings, packages))):
            line.out.print(f"Removed {', '.join(removal.labels)}: {removal.definitions:,} definitions.", markup=False)
            if removal.examples:
                line.out.print(f"  With them {removal.examples:,} examples.", markup=False)
            if removal.kept:
                line.out.print(f"  Examples that were changed since, and stay: {', '.join(removal.kept)}", markup=False)
            if removal.dependents:
                line.out.print(f"  Still installed, and made for it: {', '.join(removal.dependents)}", markup=False)

    return remove


def _asked(line: Line, work: Callable[[], T]) -> T:
    from profiles.packages.package import PackageError

    try:
        return work()
    except StoreHeld as refusal:
        line.stop(f"{refusal} While a server runs on the store, ask it: POST [base]/$install-package", FAILED)
    except NotFound as refusal:
        line.stop(str(refusal), FAILED)
    except PackageError as error:
        line.stop(str(error), USAGE)


async def _add(settings: Settings, paths: Sequence[Path], strict: bool, examples: bool, out: Console) -> bool:
    """Install what is at `paths`; return whether any was refused. The others are in all the same."""
    from fhir_server.app import open_tenant
    from fhir_server.packages.archive import open_package
    from fhir_server.packages.install import install
    from profiles.packages.package import PackageError

    failed = False
    async with open_tenant(settings) as tenant:
        for path in paths:
            try:
                package = open_package(path)
                with ExitStack() as shown:
                    moved = _progress(out, package.manifest.label, shown)
                    report = await install(tenant.services, package, strict=strict, examples=examples, moved=moved)
            except (PackageError, Refusal) as error:
                if isinstance(error, Refusal) and error.status >= 500:
                    raise
                failed = True
                Console(stderr=True, highlight=False).print(f"{path}: {error}", markup=False, soft_wrap=True)
            else:
                show(out, report)
    return failed


async def _listed(settings: Settings) -> list[Record]:
    from fhir_server.app import open_tenant
    from fhir_server.interactions.own_definitions import installed

    async with open_tenant(settings) as tenant:
        return await installed(tenant.services.store)


async def _remove(settings: Settings, labels: Sequence[str]) -> list[Removal]:
    from fhir_server.app import open_tenant
    from fhir_server.packages.remove import remove

    async with open_tenant(settings) as tenant:
        return [await remove(tenant.services, label) for label in labels]


def _progress(out: Console, label: str, shown: ExitStack) -> Callable[[int, int], None] | None:
    if not out.is_terminal:
        return None
    from rich.progress import Progress

    bar = shown.enter_context(Progress(console=out, transient=True))
    task = bar.add_task(label, total=None)
    return lambda done, total: bar.update(task, completed=done, total=total)


def show(out: Console, report: Report) -> None:
    """Print what became of a package: as what it is in, what it brought, and what it lacks."""
    lines = [_headline(report)]
    counts = sorted(report.counts.items(), key=lambda each: (-each[1], each[0]))
    if report.state != "unchanged":
        lines += [f"  {number:>6,} {type}" for type, number in counts]
    if report.loaded:
        lines.append(f"  {report.loaded:>6,} examples")
    if report.examples and (report.loaded or report.state != "unchanged"):
        lines.append(f"  {report.examples:>6,} examples left out")
    if report.missing:
        lines.append(f"  Depends on packages that are not installed: {', '.join(report.missing)}")
    lines += _some(f"{len(report.unresolved)} canonicals that nothing here defines:", list(report.unresolved))
    lines += _some(f"{len(report.warnings)} warning{'' if len(report.warnings) == 1 else 's'}:", report.warnings)
    out.print("\n".join(lines), markup=False, soft_wrap=True)


def _headline(report: Report) -> str:
    title = f" ({report.title})" if report.title else ""
    word = {"installed": "Installed", "replaced": "Replaced", "unchanged": "Already installed:"}[report.state]
    line = f"{word} {report.label}{title}"
    if [label for label, _ in report.parts] != [report.label]:
        parts = ", ".join(f"{label} ({number:,} definitions)" for label, number in report.parts)
        line += f" as its sources: {parts}"
    return line


def _some(head: str, texts: Sequence[str]) -> list[str]:
    if not texts:
        return []
    more = [f"    and {len(texts) - SHOWN} more"] if len(texts) > SHOWN else []
    return [f"  {head}", *(f"    {text}" for text in texts[:SHOWN]), *more]


def _table(out: Console, records: Sequence[Record]) -> None:
    from profiles.packages import core

    rows = [(f"{core.NAME}#{core.VERSION}", "", "FHIR R4, part of this server")]
    for record in records:
        value = record.value
        title = value["title"] if value["whole"] else f"in part, from {value['source']}"
        rows.append((record.key, f"{len(value['definitions']):,}", title))
    columns(out, ("package", "definitions", "title"), rows, right=("definitions",))
