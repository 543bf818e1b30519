"""The command line: serve and demo, load, import-view and export-view, user, keys, package, and the others.

Exit codes: 0 done, 1 something failed, 2 the command line or a setting is wrong. What a command needs of the server is
imported when it runs, so that `--help` is quick.
"""

from __future__ import annotations

import asyncio
import errno
import platform
import signal
import socket
import sys
import tempfile
import time
from importlib.metadata import version as version_of
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from urllib.parse import urlsplit

import typer
from rich.console import Console

from fhir_server.account_commands import demo_accounts_of, keys_commands, user_commands
from fhir_server.audit_commands import audit_commands
from fhir_server.client_commands import client_commands
from fhir_server.command_line import FAILED, USAGE, CertOption, ConfigOption, KeyOption, Line, StoreOption
from fhir_server.errors import Refusal, StoreHeld
from fhir_server.moving_commands import export_view_command, import_view_command
from fhir_server.package_commands import package_commands
from fhir_server.terminology_commands import terminology_commands
from fhir_server.validate_command import validate_command

if TYPE_CHECKING:
    from fhir_server.loading.progress import LoadProgress
    from fhir_server.loading.report import FileReport, Moved
    from fhir_server.loading.sources import Source
    from fhir_server.settings import Settings

NAME = "fhir-health-server"
LIBRARIES = ("apsw", "fastapi", "httptools", "jiter", "jsonschema-rs", "lxml", "msgspec", "pydantic", "uvicorn")
DEFAULT_STORE = "sqlite:///./data/fhir.db"
DEMO_STORE = "sqlite:///./data/demo.db"
_OPEN = "Anyone who can reach this address can read and change everything. Ctrl-C stops."

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
app = typer.Typer(
    name="fhir-server",
    help="A FHIR R4 (4.0.1) health data server.",
    epilog="Exit codes: 0 done, 1 something failed, 2 the command line or a setting is wrong.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

PortOption = Annotated[
    int | None, typer.Option(min=0, max=65535, metavar="PORT", help="Port to listen on.", show_default="8080")
]
HostOption = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Address to listen on.", show_default="127.0.0.1")
]
WorkersOption = Annotated[int | None, typer.Option(min=1, metavar="N", help="Server processes.", show_default="1")]
AuthOption = Annotated[
    str | None, typer.Option(metavar="open|required", help="open lets everyone in.", show_default="required")
]


def main() -> None:
    """Run the command line; the entry point of `fhir-server`."""
    try:
        app()
    except Refusal as refusal:
        _stop(" ".join(issue.message for issue in refusal.issues), FAILED)
    except OSError as error:
        _stop(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", FAILED)
    except KeyboardInterrupt:
        _stop("Stopped.", FAILED)


@app.command()
def serve(
    host: HostOption = None,
    port: PortOption = None,
    store: StoreOption = None,
    workers: WorkersOption = None,
    auth: AuthOption = None,
    tls_cert: CertOption = None,
    tls_key: KeyOption = None,
    config: ConfigOption = None,
) -> None:
    """Serve the FHIR API at http://HOST:PORT/fhir.

    Whoever asks needs a token: [bold]fhir-server user add[/bold] opens accounts. With [bold]--auth open[/bold], on a
    loopback address, nobody does.

    [dim]Examples[/dim]

    [cyan]fhir-server serve[/cyan]

    [cyan]fhir-server serve --auth open --port 9090 --store sqlite:////var/lib/fhir/fhir.db[/cyan]
    """
    tls = {"tls_cert": tls_cert, "tls_key": tls_key}
    _serve(_settings(config, host=host, port=port, store=store, workers=workers, auth=auth, **tls), [])


@app.command()
def demo(
    port: PortOption = None,
    store: Annotated[str, typer.Option(metavar="URL", help="Where the demo's data is kept.")] = DEMO_STORE,
    temporary: Annotated[bool, typer.Option("--temporary", help="Forget everything when it stops.")] = False,
    auth: Annotated[
        str, typer.Option(metavar="open|required", help="required asks for the accounts it prints.")
    ] = "open",
) -> None:
    """Serve the demo clinic on 127.0.0.1, open to everyone on this machine.

    An invented French telemedicine practice: six patients, their appointments and consultations. With
    [bold]--auth required[/bold] it has three accounts, whose passwords are made anew and printed at each start, and a
    page on which two of them hold a video consultation.

    [dim]Examples[/dim]

    [cyan]fhir-server demo[/cyan]

    [cyan]fhir-server demo --temporary --port 9090[/cyan]
    """
    with tempfile.TemporaryDirectory(prefix="fhir-demo-") as folder:
        where = f"sqlite:///{folder}/demo.db" if temporary else store
        page = str(files("fhir_server.demo") / "page")
        built = page if auth == "required" and Path(page, "index.html").is_file() else None
        here = {"host": "127.0.0.1", "port": port, "workers": 1, "consultation_page": built}
        settings = _settings(None, store=where, auth=auth, **here)
        with as_file(files("fhir_server.demo") / "clinic.json") as clinic:
            from fhir_server.demo.requests import REQUESTS
            from fhir_server.loading.progress import LoadProgress
            from fhir_server.loading.sources import find
            from fhir_server.offline import into_store

            quiet = LoadProgress(Console(quiet=True), [])
            (report,) = asyncio.run(into_store(settings, find([clinic]), quiet, 1))
        if not report.complete:
            _stop(f"The demo clinic did not go in: {report.failures[0].reason}", FAILED)
        _serve(settings, ["", "Try:", *REQUESTS] if auth == "open" else demo_accounts_of(settings))


@app.command()
def load(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="Files, or folders with everything below.", show_default=False)
    ],
    store: StoreOption = None,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Load into this FHIR server instead.")] = None,
    token: Annotated[
        str | None,
        typer.Option(metavar="TOKEN", envvar="FHIR_LOAD_TOKEN", help="Bearer token for --url."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Processes that share the work.", show_default="by processors"),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Load Bundles, NDJSON and single resources (.json, .ndjson, .jsonl, plain or .gz), files in name order.

    A load may be stopped at any moment: the same command goes on where it was, and passes over what is in.

    [dim]Examples[/dim]

    [cyan]fhir-server load patients/[/cyan]

    [cyan]fhir-server load 00-clinic.json Patient.ndjson.gz --store sqlite:///./data/trial.db[/cyan]

    [cyan]fhir-server load patients/ --url http://127.0.0.1:8080/fhir[/cyan]
    """
    from fhir_server.loading.progress import LoadProgress, show
    from fhir_server.loading.sources import find
    from fhir_server.offline import into_store
    from fhir_server.preparers.processes import jobs_for

    if url and store:
        _stop("Give --store or --url, not both.", USAGE)
    if url and not _is_web_address(url):
        _stop(f"--url must be an address such as http://host/fhir, not {url!r}.", USAGE)
    try:
        sources = find(paths)
    except (FileNotFoundError, ValueError) as error:
        _stop(str(error), USAGE)
    if not sources:
        _stop("There is nothing to load: no file below ends in .json, .ndjson or .jsonl, plain or with .gz.", USAGE)
    started = time.monotonic()
    settings = None if url else _settings(config, store=store)
    try:
        with LoadProgress(out, sources) as progress:
            if settings:
                reports = asyncio.run(into_store(settings, sources, progress, jobs or jobs_for(sources)))
            else:
                reports = _into_url(url or "", token, sources, progress)
    except KeyboardInterrupt:
        _stop("stopped. What is in stays; into a store, the same command goes on from there.", FAILED)
    show(out, reports, time.monotonic() - started)
    if not all(report.complete for report in reports) or len(reports) < len(sources):
        raise typer.Exit(FAILED)


@app.command()
def reindex(
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="Only resources of this type; may be given again."),
    ] = None,
    store: StoreOption = None,
    config: ConfigOption = None,
) -> None:
    """Index what is stored anew: after an upgrade that changes the index, or for search parameters of your own.

    It may be stopped at any moment: the same command, or the server, goes on where it was.

    [dim]Examples[/dim]

    [cyan]fhir-server reindex --store sqlite:///./data/trial.db[/cyan]

    [cyan]fhir-server reindex --type Patient --type Observation[/cyan]
    """
    from fhir_server.offline import reindex as index_anew
    from profiles.definitions import is_resource_type

    settings = _settings(config, store=store)
    for type in types or ():
        if not is_resource_type(type):
            _stop(f"--type {type}: that is no resource type of FHIR R4. Type names are case sensitive.", USAGE)
    _demand_store(settings)
    try:
        failure = asyncio.run(index_anew(settings, types or [], out))
    except StoreHeld as refusal:
        _stop(f"{refusal} While a server runs on the store, ask it: POST [base]/$reindex", FAILED)
    except KeyboardInterrupt:
        _stop("stopped. What is done stays done; the same command goes on from there.", FAILED)
    if failure:
        _stop(failure, FAILED)


@app.command()
def check(store: StoreOption = None, config: ConfigOption = None) -> None:
    """Verify a store: its file, indexes, counts and audit chain; print the versions of the libraries underneath.

    [dim]Example[/dim]

    [cyan]fhir-server check --store sqlite:///./data/demo.db[/cyan]
    """
    from fhir_server.offline import check_store

    settings = _settings(config, store=store)
    _demand_store(settings)
    for name, value in _versions():
        out.print(f"{name:<20}{value}")
    findings = asyncio.run(check_store(settings))
    for finding in findings:
        err.print(finding, markup=False)
    if findings:
        raise typer.Exit(FAILED)
    out.print("The store is whole.")


@app.command()
def version() -> None:
    """Print the version."""
    out.print(version_of(NAME))


def _serve(settings: Settings, more: list[str]) -> None:
    """Run the server until it is told to stop, and say where it is once it listens."""
    if settings.workers > 1:
        _stop(
            f"--workers {settings.workers} is refused: exactly one process writes a SQLite store. Use --workers 1.",
            USAGE,
        )

    from fhir_server.serving import serving
    from fhir_server.settings import SettingsError

    listening = _listen(settings)
    settings = settings.model_copy(update={"port": listening.getsockname()[1]})

    def ready() -> None:
        named = (line.replace("{base}", settings.base).replace("{root}", settings.root) for line in more)
        lines = [*_addresses(settings), *named]
        out.print(*lines, sep="\n", markup=False, soft_wrap=True)

    # When it has shut down, uvicorn raises the signal that stopped it once more: to stop so is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        served = serving(settings, listening, ready)
    except SettingsError as error:
        _stop(str(error), USAGE)
    except KeyboardInterrupt:
        return
    except SystemExit as ended:
        raise typer.Exit(FAILED if ended.code else 0) from None
    if not served:
        raise typer.Exit(FAILED)


def _listen(settings: Settings) -> socket.socket:
    """Return the socket the settings name; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "something else listens there; choose another --port, or FHIR_SERVER_PORT" if taken else error.strerror
        _stop(f"cannot listen on {settings.host}:{settings.port}: {why}", FAILED)


def _addresses(settings: Settings) -> list[str]:
    return [
        f"FHIR API            {settings.base}",
        f"What it can do      {settings.base}/metadata",
        f"Store               {settings.store}",
        _OPEN
        if settings.auth == "open"
        else f"Sign in             POST {settings.root}/api/v1/auth/login. Ctrl-C stops.",
    ]


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _into_url(url: str, token: str | None, sources: list[Source], progress: LoadProgress) -> list[FileReport]:
    """Send to another FHIR server."""
    from fhir_server.loading.into_url import Feeder, client, into_url
    from fhir_server.loading.load import load as load_files

    with client(token) as http:
        feeder = Feeder(http, url.rstrip("/"))

        async def one(source: Source, moved: Moved) -> FileReport:
            return into_url(feeder, source, moved)

        return asyncio.run(load_files(sources, one, progress))


def _demand_store(settings: Settings) -> None:
    path = Path(settings.store.removeprefix("sqlite:///"))
    if settings.store.startswith("sqlite:///") and not path.exists():
        _stop(f"There is no store at {path}.", FAILED)


def _versions() -> list[tuple[str, str]]:
    """Return what this software stands on, with versions."""
    import apsw

    return [
        (NAME, version_of(NAME)),
        ("python", platform.python_version()),
        ("sqlite", apsw.sqlite_lib_version()),
        *((name, version_of(name)) for name in LIBRARIES),
    ]


def _settings(config: Path | None, **flags: Any) -> Settings:
    """Return the settings, or stop with what is wrong with them."""
    from fhir_server.settings import SettingsError, load_settings

    try:
        return load_settings(config, **flags)
    except SettingsError as error:
        _stop(str(error), USAGE)


def _stop(message: str, code: int) -> NoReturn:
    err.print(f"fhir-server: {message}", markup=False, soft_wrap=True)
    sys.exit(code)


_line = Line(_settings, _demand_store, _stop, out, err)
app.add_typer(user_commands(_line), name="user")
app.add_typer(client_commands(_line), name="client")
app.add_typer(keys_commands(_line), name="keys")
app.add_typer(audit_commands(_line), name="audit")
app.add_typer(package_commands(_line), name="package")
app.add_typer(terminology_commands(_line), name="terminology")
app.command()(validate_command(_line))
app.command("import-view")(import_view_command(_line))
app.command("export-view")(export_view_command(_line))


if __name__ == "__main__":
    main()
