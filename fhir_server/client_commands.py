"""`fhir-server client`: the apps that may ask for access, in a store that no server holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fhir_server.account_commands import done, group
from fhir_server.command_line import USAGE, ConfigOption, Line, StoreOption, columns

if TYPE_CHECKING:
    from auth.smart.registration import Registered
    from fhir_server.accounts.desk import Desk

IdArgument = Annotated[str, typer.Argument(metavar="CLIENT_ID", help="Id of the app.", show_default=False)]
KINDS: dict[str, dict[str, Any]] = {
    "public": {"token_endpoint_auth_method": "none"},
    "secret": {"token_endpoint_auth_method": "client_secret_basic"},
    "secret-post": {"token_endpoint_auth_method": "client_secret_post"},
    "keys": {"token_endpoint_auth_method": "private_key_jwt"},
    "service": {"token_endpoint_auth_method": "private_key_jwt", "grant_types": ["client_credentials"]},
    "ehr": {"token_endpoint_auth_method": "private_key_jwt", "grant_types": ["client_credentials"], "ehr": True},
}
"""What an app is, in the names of RFC 7591, by the name of the option."""
OPTIONS = {
    "client_name": "NAME",
    "redirect_uris": "--redirect",
    "launch_uris": "--launch",
    "scope": "--scope",
    "jwks": "--keys",
    "jwks_uri": "--keys",
}
"""Where the command line says what RFC 7591 calls so."""


def client_commands(line: Line) -> typer.Typer:
    """Return the commands about apps."""
    commands = group("Apps (SMART on FHIR clients): add, list, disable, enable, secret.")
    rows = (("add", _add), ("list", _list), ("disable", _disable), ("enable", _enable), ("secret", _secret))
    for name, command in rows:
        commands.command(name)(command(line))
    return commands


def _add(line: Line) -> Callable[..., None]:
    def add(
        name: Annotated[str, typer.Argument(metavar="NAME", help="What users call it.", show_default=False)],
        redirect: Annotated[list[str] | None, typer.Option(metavar="URL", help="Where users return to.")] = None,
        launch: Annotated[list[str] | None, typer.Option(metavar="URL", help="Where others open it.")] = None,
        scope: Annotated[str, typer.Option(metavar="SCOPES", help="The most it may be granted.")] = "",
        kind: Annotated[
            str, typer.Option(metavar="|".join(KINDS), help="What it is, and proves itself by.")
        ] = "public",
        keys: Annotated[str | None, typer.Option(metavar="FILE|URL", help="Its public keys (JWKS).")] = None,
        store: StoreOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Register an app. Its secret, if it has one, is printed this once.

        [dim]Example[/dim]

        [cyan]fhir-server client add "Growth chart" --redirect https://app.example/ --scope "launch patient/*.rs"[/cyan]
        """
        if kind not in KINDS:
            line.stop(f"--kind is one of {', '.join(KINDS)}", USAGE)
        if not scope.strip():
            line.stop("--scope: name the most that the app may be granted, as 'launch/patient patient/*.rs'", USAGE)
        said: dict[str, Any] = {
            "client_name": name,
            "redirect_uris": redirect or [],
            "launch_uris": launch or [],
            "scope": scope,
            "grant_types": ["authorization_code", "refresh_token"],
            **KINDS[kind],
            **(_keys(line, keys) if keys is not None else {}),
        }
        made = done(line, line.settings(config, store=store), lambda desk: _registered(desk, said))
        line.out.print(f"Registered {made.client.name}: client_id {made.client.id}", markup=False, soft_wrap=True)
        _print_secret(line, made)

    return add


def _list(line: Line) -> Callable[..., None]:
    def list_(store: StoreOption = None, config: ConfigOption = None) -> None:
        """List the apps."""

        async def work(desk: Desk) -> list[tuple[str, ...]]:
            found = desk.smart.registry.every(desk.auth.store.records)
            return [(c.id, c.name, c.method, "disabled" if c.disabled else "", str(c.scopes)) async for c in found]

        settings = line.settings(config, store=store)
        line.demand_store(settings)
        columns(line.out, ("client_id", "name", "proof", "", "scopes"), done(line, settings, work))

    return list_


def _disable(line: Line) -> Callable[..., None]:
    def disable(id: IdArgument, store: StoreOption = None, config: ConfigOption = None) -> None:
        """Let an app in no more, and end everything it was granted."""
        _switch(line, id, store, config, disabled=True)

    return disable


def _enable(line: Line) -> Callable[..., None]:
    def enable(id: IdArgument, store: StoreOption = None, config: ConfigOption = None) -> None:
        """Let an app in again. Its users are asked again."""
        _switch(line, id, store, config, disabled=False)

    return enable


def _secret(line: Line) -> Callable[..., None]:
    def secret(id: IdArgument, store: StoreOption = None, config: ConfigOption = None) -> None:
        """Give an app a new secret, printed this once; the one before ends."""
        from auth.errors import Missing
        from fhir_server.accounts import manage

        async def work(desk: Desk) -> Registered:
            made = await desk.smart.registration.renew_secret(id, manage.BY, manage.asker())
            if made is None:
                raise Missing("There is no app of that id that has a secret.")
            return made

        settings = line.settings(config, store=store)
        line.demand_store(settings)
        _print_secret(line, done(line, settings, work))

    return secret


def _switch(line: Line, id: str, store: str | None, config: Path | None, *, disabled: bool) -> None:
    from auth.errors import Missing
    from fhir_server.accounts import manage

    async def work(desk: Desk) -> None:
        if await desk.smart.registration.disable(id, manage.BY, manage.asker(), disabled=disabled) is None:
            raise Missing("There is no app of that id.")

    settings = line.settings(config, store=store)
    line.demand_store(settings)
    done(line, settings, work)
    line.out.print(f"{'Disabled' if disabled else 'Enabled'} {id}", markup=False)


async def _registered(desk: Desk, said: Mapping[str, Any]) -> Registered:
    from auth.errors import Invalid
    from auth.smart.registration import Unfit
    from fhir_server.accounts import manage

    try:
        return await desk.smart.registration.add(said, manage.BY, manage.asker())
    except Unfit as unfit:
        raise Invalid({f"{OPTIONS.get(each.member, each.member)}:": [each.text] for each in unfit.problems}) from None


def _keys(line: Line, where: str) -> dict[str, Any]:
    """Return the members of a registration that say where the keys are, or what."""
    if where.startswith(("https://", "http://")):
        return {"jwks_uri": where}
    try:
        return {"jwks": json.loads(Path(where).read_text("utf-8"))}
    except OSError as error:
        line.stop(f"--keys: {where} cannot be read: {error.strerror}", USAGE)
    except ValueError as error:
        line.stop(f"--keys: {where} is no JSON: {error}", USAGE)


def _print_secret(line: Line, made: Registered) -> None:
    if made.secret is not None:
        line.out.print(f"client_secret {made.secret}", markup=False, soft_wrap=True)
