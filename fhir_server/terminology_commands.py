"""`fhir-server terminology load | list | remove`: large code systems in a store that no server holds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console

from fhir_server.command_line import FAILED, USAGE, ConfigOption, Line, StoreOption, columns
from fhir_server.errors import StoreHeld

if TYPE_CHECKING:
    from fhir_server.settings import Settings
    from fhir_server.terminologies.item import Wish
    from fhir_server.terminologies.load import Moved, Report
    from fhir_server.terminologies.release import Release
    from profiles.terminology.head import Head

T = TypeVar("T")


def terminology_commands(line: Line) -> typer.Typer:
    """Return the commands, for the command line that they are part of."""
    commands = typer.Typer(
        help="Large code systems (LOINC, SNOMED CT, ICD-10): load, list, remove.",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    for name, command in (("load", _load_command), ("list", _list_command), ("remove", _remove_command)):
        commands.command(name)(command(line))
    return commands


def _load_command(line: Line) -> Callable[..., None]:
    def load(
        paths: Annotated[
            list[Path],
            typer.Argument(metavar="PATH", help="Releases: folders, zips or files, as published.", show_default=False),
        ],
        url: Annotated[
            str | None, typer.Option(metavar="URL", help="The code system's url, where the release has none.")
        ] = None,
        version: Annotated[
            str | None, typer.Option(metavar="VERSION", help="Its version, where the release does not say it.")
        ] = None,
        language: Annotated[
            str | None, typer.Option(metavar="CODE", help="The language of its displays.", show_default="en")
        ] = None,
        lenient: Annotated[bool, typer.Option("--lenient", help="Pass over lines that cannot be read.")] = False,
        store: StoreOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Load terminologies that you are licensed for: LOINC, SNOMED CT (RF2), ICD-10 (ClaML 2), CodeSystem files.

        A version takes the place of the same version at once, when all of it is read. A load may be stopped at any
        moment: what was there stays, and the same command begins again.

        [dim]Examples[/dim]

        [cyan]fhir-server terminology load Loinc_2.78.zip[/cyan]

        [cyan]fhir-server terminology load SnomedCT_InternationalRF2_20240101/ --language fr[/cyan]

        [cyan]fhir-server terminology load cim10.xml --version 2024 --store sqlite:///./data/trial.db[/cyan]
        """
        from fhir_server.terminologies.item import Wish

        settings = line.settings(config, store=store)
        for path in paths:
            if not path.exists():
                line.stop(f"There is no terminology at {path}.", USAGE)
        if len(paths) > 1 and (url or version):
            line.stop("--url and --version are about one release: name one.", USAGE)
        if _asked(line, _load(settings, paths, Wish(url, version, language), lenient, line.out)):
            raise typer.Exit(FAILED)

    return load


def _list_command(line: Line) -> Callable[..., None]:
    def list_(store: StoreOption = None, config: ConfigOption = None) -> None:
        """List the code systems that are loaded."""
        settings = line.settings(config, store=store)
        line.demand_store(settings)
        _table(line.out, _asked(line, _listed(settings)))

    return list_


def _remove_command(line: Line) -> Callable[..., None]:
    def remove(
        systems: Annotated[
            list[str],
            typer.Argument(metavar="URL[|VERSION]", help="Without a version: all of them.", show_default=False),
        ],
        store: StoreOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Remove loaded code systems.

        [dim]Example[/dim]

        [cyan]fhir-server terminology remove 'http://loinc.org|2.77'[/cyan]
        """
        settings = line.settings(config, store=store)
        line.demand_store(settings)
        missing = _asked(line, _remove(settings, systems, line.out))
        if missing:
            line.stop(f"Not loaded: {', '.join(missing)}. See fhir-server terminology list.", FAILED)

    return remove


def _asked(line: Line, work: Any) -> Any:
    try:
        return asyncio.run(work)
    except StoreHeld as refusal:
        line.stop(f"{refusal} Terminologies are loaded while no server runs on the store.", FAILED)


async def _load(settings: Settings, paths: Sequence[Path], wish: Wish, lenient: bool, out: Console) -> bool:
    """Load what is at `paths`; return whether any was not. The others are in all the same."""
    from fhir_server.app import open_tenant
    from fhir_server.terminologies.load import load
    from fhir_server.terminologies.read import read
    from fhir_server.terminologies.release import ReleaseError, open_release

    failed = False
    async with open_tenant(settings) as tenant:
        for path in paths:
            try:
                release = open_release(path)
                with ExitStack() as shown:
                    shown.callback(release.close)
                    content = read(release, wish)
                    moved = _progress(out, content.head.name, release, shown)
                    report = await load(tenant.services, content, lenient=lenient, moved=moved)
            except ReleaseError as error:
                failed = True
                _errors().print(str(error), markup=False, soft_wrap=True)
            else:
                failed |= report.head is None
                show(out, path, report)
    return failed


async def _listed(settings: Settings) -> list[Head]:
    from fhir_server.app import open_tenant

    async with open_tenant(settings) as tenant:
        # What stands for a stored CodeSystem comes and goes with that.
        return [each for each in tenant.services.store.concepts.heads() if not each.source]


async def _remove(settings: Settings, systems: Sequence[str], out: Console) -> list[str]:
    from fhir_server.app import open_tenant
    from fhir_server.terminologies.load import remove

    missing = []
    async with open_tenant(settings) as tenant:
        for system in systems:
            url, bar, version = system.partition("|")
            count = await remove(tenant.services, url, version if bar else None)
            if count:
                out.print(f"Removed {system}: {count} version{'' if count == 1 else 's'}.", markup=False)
            else:
                missing.append(system)
    return missing


def _progress(out: Console, name: str, release: Release, shown: ExitStack) -> Moved | None:
    if not out.is_terminal:
        return None
    from rich.progress import Progress

    bar = shown.enter_context(Progress(console=out, transient=True))
    task = bar.add_task(name, total=None)

    def moved(what: str, done: int, total: int) -> None:
        completed = release.done if what == "Reading" else done
        bar.update(task, description=f"{name}: {what}", completed=completed, total=total)

    return moved


def show(out: Console, path: Path, report: Report) -> None:
    """Print what became of a load."""
    head = report.head
    if head is None:
        errors = _errors()
        errors.print(f"{path}: nothing was loaded, {report.faulty:,} lines cannot be read:", markup=False)
    else:
        errors = out
        version = f" {head.version}" if head.version else ""
        out.print(f"Loaded {head.name}{version}: {head.count:,} concepts ({head.url})", markup=False, soft_wrap=True)
        if report.faulty:
            out.print(f"  {report.faulty:,} lines were passed over:", markup=False)
    for fault in report.faults:
        errors.print(f"  {fault}", markup=False, soft_wrap=True)
    if report.faulty > len(report.faults):
        errors.print(f"  and {report.faulty - len(report.faults):,} more", markup=False)
    for name, count in sorted(report.passed.items()):
        out.print(f"  {count:,} lines of {name} repeat what is there or are about other codes", markup=False)


def _errors() -> Console:
    return Console(stderr=True, highlight=False)


def _table(out: Console, heads: Sequence[Head]) -> None:
    rows = [(head.url, head.version or "", f"{head.count:,}", head.name) for head in heads]
    columns(out, ("code system", "version", "concepts", "name"), rows, right=("concepts",))
