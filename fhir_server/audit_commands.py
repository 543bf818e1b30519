"""`fhir-server audit verify | anchor | list | export`: the audit trail of a store, whoever serves it meanwhile."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fhir_server.command_line import FAILED, USAGE, ConfigOption, Line, StoreOption, columns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from fhir_server.settings import Settings
    from fhir_server.store.audit import AuditRow
    from fhir_server.store.audit_anchor import Anchor
    from fhir_server.store.audit_chain import Proof
    from fhir_server.store.base import Reading

PAGE = 1000

AnchorsOption = Annotated[
    list[Path] | None,
    typer.Option("--anchors", metavar="FILE", help="Anchors that were kept elsewhere; may be given again."),
]
KeyOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="The public key (PEM) that anchors are signed with.", show_default="the server's"
    ),
]


def audit_commands(line: Line) -> typer.Typer:
    """Return the commands, for the command line that they are part of."""
    commands = typer.Typer(
        help="The audit trail: verify, anchor, list, export.",
        no_args_is_help=True,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
    )
    for name, command in (
        ("verify", _verify_command),
        ("anchor", _anchor_command),
        ("list", _list_command),
        ("export", _export_command),
    ):
        commands.command(name)(command(line))
    return commands


def _verify_command(line: Line) -> Callable[..., None]:
    def verify(
        anchors: AnchorsOption = None,
        key: KeyOption = None,
        store: StoreOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Prove that the audit chain is whole, and hold it against the anchors in the store and those given.

        Exit code 1 names the first broken link.

        [dim]Examples[/dim]

        [cyan]fhir-server audit verify[/cyan]

        [cyan]fhir-server audit verify --anchors /mnt/worm/anchors.jsonl --key audit-key.pub.pem[/cyan]
        """
        settings = _settings(line, store, config)
        known = Anchors(_trusted(line, settings, key))
        for path in anchors or ():
            known.read(path.read_bytes().splitlines(), str(path))
        proof = asyncio.run(_proof(settings, known))
        for finding in (*known.findings, *proof.findings):
            line.err.print(finding, markup=False, soft_wrap=True)
        if known.findings or proof.findings:
            line.err.print(f"Up to row {proof.rows:,} the chain is whole.")
            raise typer.Exit(FAILED)
        last = f", the last of row {max(known.heads):,}" if known.heads else ""
        line.out.print(f"The audit trail is whole: {proof.rows:,} rows, {len(known.heads):,} anchors{last}.")

    return verify


def _anchor_command(line: Line) -> Callable[..., None]:
    def anchor(
        to: Annotated[
            Path | None, typer.Option("--to", metavar="FILE", help="Append it to this file.", show_default="print it")
        ] = None,
        public_key: Annotated[
            bool, typer.Option("--public-key", help="Print the public key instead, to verify with elsewhere.")
        ] = False,
        store: StoreOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Sign the head of the audit chain: a line to keep where nobody who can write the store can change it.

        [dim]Examples[/dim]

        [cyan]fhir-server audit anchor --to /mnt/worm/anchors.jsonl[/cyan]

        [cyan]fhir-server audit anchor --public-key > audit-key.pub.pem[/cyan]
        """
        settings = _settings(line, store, config)
        text = _public_key(line, settings) if public_key else asyncio.run(_anchor(line, settings))
        if to is None:
            print_line(text)
        else:
            with to.open("ab") as file:
                file.write(text + b"\n")

    return anchor


def _list_command(line: Line) -> Callable[..., None]:
    def list_(
        last: Annotated[int, typer.Option(min=1, metavar="N", help="How many rows.")] = 20,
        store: StoreOption = None,
        config: ConfigOption = None,
    ) -> None:
        """List the last rows of the audit trail, oldest first."""
        from fhir_server.model.resource import instant

        rows = []
        for seq, row in asyncio.run(_last(_settings(line, store, config), last)):
            patients = " ".join(row.patients[:3]) + (" …" if len(row.patients) > 3 else "")
            cells = (str(seq), instant(row.time), row.actor, row.action, row.target, str(row.status), patients)
            rows.append((*cells, row.address))
        names = ("row", "time", "actor", "action", "target", "status", "patients", "from")
        columns(line.out, names, rows, right=("row", "status"))

    return list_


def _export_command(line: Line) -> Callable[..., None]:
    def export(
        after: Annotated[int, typer.Option(min=0, metavar="ROW", help="Begin behind this row.")] = 0,
        store: StoreOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Print the audit trail as AuditEvents, one a line (NDJSON), oldest first.

        [dim]Example[/dim]

        [cyan]fhir-server audit export --after 120000 > audit.ndjson[/cyan]
        """
        asyncio.run(_export(_settings(line, store, config), after))

    return export


def _settings(line: Line, store: str | None, config: Path | None) -> Settings:
    settings = line.settings(config, store=store)
    line.demand_store(settings)
    return settings


@dataclass(slots=True)
class Anchors:
    """The anchors that are known: the hash by row, and what is wrong with any; `trusted` is the public key or None."""

    trusted: str | None
    heads: dict[int, bytes] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    def read(self, lines: Iterable[bytes], where: str) -> None:
        """Take the anchors in `lines`, which are from `where`."""
        from fhir_server.store.audit_anchor import read_anchor

        for number, text in enumerate(lines, 1):
            if text.strip():
                self._take(read_anchor(text), f"{where}, line {number}")

    def _take(self, anchor: Anchor | None, where: str) -> None:
        from fhir_server.store.audit_anchor import is_signed

        if anchor is None:
            self.findings.append(f"{where} is no anchor.")
        elif not is_signed(anchor):
            self.findings.append(f"{where}: the anchor of row {anchor.seq} is not what its key has signed.")
        elif self.trusted not in (None, anchor.key):
            self.findings.append(
                f"{where}: the anchor of row {anchor.seq} is signed with another key than the server's."
            )
        elif self.heads.setdefault(anchor.seq, bytes.fromhex(anchor.hash)).hex() != anchor.hash:
            self.findings.append(f"{where}: there are two anchors of row {anchor.seq}, and they differ.")


@asynccontextmanager
async def _reading(settings: Settings) -> AsyncIterator[Reading]:
    from fhir_server.anchoring import TABLE
    from fhir_server.store.connect import reading

    async with reading(settings.store, tables=(TABLE,)) as store:
        yield store


async def _proof(settings: Settings, known: Anchors) -> Proof:
    from fhir_server.anchoring import TABLE
    from fhir_server.store.audit_chain import prove

    async with _reading(settings) as store:
        after = ""
        while records := await store.records.scan(TABLE.name, after, PAGE):
            known.read((str(record.value["line"]).encode() for record in records), "The store")
            after = records[-1].key
        return prove(store.audit_chain(), known.heads)


async def _anchor(line: Line, settings: Settings) -> bytes:
    from fhir_server.interactions.call import system_clock
    from fhir_server.store.audit_anchor import sign

    async with _reading(settings) as store:
        last = max(store.audit_chain(), key=lambda row: row[0], default=None)
    if last is None:
        line.stop("The audit trail is empty: there is nothing to anchor.", FAILED)
    return sign(_key(line, settings), last[0], last[2], system_clock()).line


async def _last(settings: Settings, count: int) -> list[tuple[int, AuditRow]]:
    from collections import deque

    from fhir_server.store.audit_chain import decode_row

    async with _reading(settings) as store:
        rows = deque(store.audit_chain(), maxlen=count)
    return [(seq, decode_row(row)) for seq, row, _ in rows]


async def _export(settings: Settings, after: int) -> None:
    async with _reading(settings) as store:
        for text in events(store, settings.base, after):
            print_line(text)


def events(store: Reading, base: str, after: int) -> Iterator[bytes]:
    """Yield the AuditEvents of the rows behind `after` as JSON."""
    from fhir_server.interactions.audit_events.project import project
    from fhir_server.model.fhir_json import encode
    from fhir_server.store.audit import AuditEvent, subjects
    from fhir_server.store.audit_chain import decode_row

    for seq, data, _ in store.audit_chain(after):
        row = decode_row(data)
        for n in range(len(subjects(row))):
            yield encode(project(AuditEvent(seq, n, row), base))


def print_line(text: bytes) -> None:
    """Write a line of bytes to standard output."""
    sys.stdout.buffer.write(text + b"\n")


def _key(line: Line, settings: Settings) -> Ed25519PrivateKey:
    from fhir_server.anchoring import signing_key
    from fhir_server.key_file import KeyUnusable

    try:
        return signing_key(settings.audit_key_path)
    except KeyUnusable as error:
        line.stop(str(error), FAILED)


def _public_key(line: Line, settings: Settings) -> bytes:
    from cryptography.hazmat.primitives import serialization as pem

    key = _key(line, settings).public_key()
    return key.public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo).strip()


def _trusted(line: Line, settings: Settings, path: Path | None) -> str | None:
    """Return the public key in `path`, else that of the server's own key, else None: then any key will do."""
    if path is None:
        if not settings.audit_key_path.exists():
            return None
        return _key(line, settings).public_key().public_bytes_raw().hex()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(path.read_bytes())
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        line.stop(f"--key {path}: that is no Ed25519 public key in PEM.", USAGE)
    return key.public_bytes_raw().hex()
