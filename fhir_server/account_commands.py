"""`fhir-server user` and `fhir-server keys`: accounts and signing keys of a store that no server holds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from auth.accounts import ROLES, STATUSES
from fhir_server.command_line import FAILED, USAGE, ConfigOption, Line, StoreOption, columns
from fhir_server.errors import Refusal, StoreHeld

if TYPE_CHECKING:
    from auth.accounts import Account
    from fhir_server.accounts.desk import Desk
    from fhir_server.settings import Settings

T = TypeVar("T")

PASSWORD = "FHIR_USER_PASSWORD"
ASK = "While a server runs on the store, ask it: see /admin"
NameArgument = Annotated[str, typer.Argument(metavar="EMAIL", help="E-mail address, or id.", show_default=False)]


def user_commands(line: Line) -> typer.Typer:
    """Return the commands about accounts."""
    commands = group("Accounts: add, list, confirm, disable, enable, forget-factors.")
    rows = (
        ("add", _add),
        ("list", _list),
        ("confirm", _confirm),
        ("disable", _disable),
        ("enable", _enable),
        ("forget-factors", _forget),
    )
    for name, command in rows:
        commands.command(name)(command(line))
    return commands


def keys_commands(line: Line) -> typer.Typer:
    """Return the commands about signing keys."""
    commands = group("Signing keys: list, rotate; and seal, for the key that keeps secrets in the store.")
    commands.command("list")(_keys(line))
    commands.command("rotate")(_rotate(line))
    commands.command("seal")(_seal(line))
    return commands


def _add(line: Line) -> Callable[..., None]:
    def add(
        email: Annotated[str, typer.Argument(metavar="EMAIL", help="E-mail address.", show_default=False)],
        role: Annotated[str, typer.Option(metavar="patient|doctor|admin", help="What it is for.")] = "patient",
        password: Annotated[
            str | None, typer.Option(envvar=PASSWORD, metavar="PASSWORD", help="Asked for when it is not given.")
        ] = None,
        locale: Annotated[str, typer.Option(metavar="fr|en", help="Language of letters.")] = "fr",
        rpps: Annotated[str | None, typer.Option(metavar="NUMBER", help="A doctor's number in the register.")] = None,
        id: Annotated[
            str | None, typer.Option("--id", metavar="ID", help="Of the person who is in the record already.")
        ] = None,
        store: StoreOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Open an account. It is active at once: who runs this command knows whose it is.

        [dim]Example[/dim]

        [cyan]fhir-server user add admin@clinic.example --role admin[/cyan]

        [cyan]fhir-server user add camille@clinic.example --id camille-moreau[/cyan]
        """
        from fhir_server.accounts import manage
        from fhir_server.accounts.register import Wanted

        settings = line.settings(config, store=store)
        secret = password or typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        wanted = Wanted(email, secret, role, locale, rpps, id=id)
        made = done(line, settings, lambda desk: manage.add(desk, wanted, manage.BY, manage.asker()))
        line.out.print(f"Opened {made.role} {made.email}: {made.actor}", markup=False, soft_wrap=True)

    return add


def _list(line: Line) -> Callable[..., None]:
    def list_(
        role: Annotated[str | None, typer.Option(metavar="|".join(ROLES), help="Only of this role.")] = None,
        status: Annotated[str | None, typer.Option(metavar="|".join(STATUSES), help="Only of this status.")] = None,
        store: StoreOption = None,
        config: ConfigOption = None,
    ) -> None:
        """List the accounts."""
        from fhir_server.accounts import manage

        for option, value, values in (("--role", role, ROLES), ("--status", status, STATUSES)):
            if value is not None and value not in values:
                line.stop(f"{option} is one of {', '.join(values)}", USAGE)
        settings = line.settings(config, store=store)
        line.demand_store(settings)
        rows = done(line, settings, lambda desk: manage.listed(desk, role=role, status=status))
        cells = [(each.id, each.email, each.role, each.status) for each in rows]
        columns(line.out, ("id", "email", "role", "status"), cells)

    return list_


def _confirm(line: Line) -> Callable[..., None]:
    def confirm(
        name: NameArgument,
        rpps: Annotated[str | None, typer.Option(metavar="NUMBER", help="The number in the register.")] = None,
        store: StoreOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Confirm a doctor who has registered, by the number in the national register (RPPS)."""
        from fhir_server.accounts import manage

        async def work(desk: Desk) -> object:
            return await manage.confirm(desk, await manage.find(desk, name), manage.BY, manage.asker(), rpps)

        settings = line.settings(config, store=store)
        line.demand_store(settings)
        done(line, settings, work)
        line.out.print(f"Confirmed {name}", markup=False)

    return confirm


def _disable(line: Line) -> Callable[..., None]:
    def disable(name: NameArgument, store: StoreOption = None, config: ConfigOption = None) -> None:
        """Let nobody in by an account any more. What stands behind it stays."""
        from fhir_server.accounts import manage

        async def work(desk: Desk) -> object:
            return await manage.disable(desk, await manage.find(desk, name), manage.BY, manage.asker())

        settings = line.settings(config, store=store)
        line.demand_store(settings)
        done(line, settings, work)
        line.out.print(f"Disabled {name}", markup=False)

    return disable


def _enable(line: Line) -> Callable[..., None]:
    def enable(name: NameArgument, store: StoreOption = None, config: ConfigOption = None) -> None:
        """Let a disabled account in again. Its owner signs in anew; a doctor who was not confirmed still waits."""
        from fhir_server.accounts import manage

        async def work(desk: Desk) -> Account:
            return await manage.enable(desk, await manage.find(desk, name), manage.BY, manage.asker())

        settings = line.settings(config, store=store)
        line.demand_store(settings)
        line.out.print(f"Enabled {name}: {done(line, settings, work).status}", markup=False)

    return enable


def _forget(line: Line) -> Callable[..., None]:
    def forget(name: NameArgument, store: StoreOption = None, config: ConfigOption = None) -> None:
        """Take away the second factors of somebody who has lost them. The password alone signs in; sessions end."""
        from fhir_server.accounts import manage

        async def work(desk: Desk) -> object:
            return await manage.forget_factors(desk, await manage.find(desk, name), manage.BY, manage.asker())

        settings = line.settings(config, store=store)
        line.demand_store(settings)
        done(line, settings, work)
        line.out.print(f"Forgot the second factors of {name}", markup=False)

    return forget


def _keys(line: Line) -> Callable[..., None]:
    def list_(store: StoreOption = None, config: ConfigOption = None) -> None:
        """List the keys that tokens are signed with, by age."""
        from fhir_server.model.resource import instant

        async def work(desk: Desk) -> list[tuple[str, ...]]:
            found = desk.auth.keys.listed()
            return [(k.kid, instant(k.starts), "" if k.ends is None else instant(k.ends)) for k in found]

        settings = line.settings(config, store=store)
        line.demand_store(settings)
        columns(line.out, ("key", "signs from", "verifies until"), done(line, settings, work))

    return list_


def _rotate(line: Line) -> Callable[..., None]:
    def rotate(store: StoreOption = None, config: ConfigOption = None) -> None:
        """Publish a new key. It signs in an hour; the one before verifies until its last token has ended."""
        from fhir_server.accounts import manage

        settings = line.settings(config, store=store)
        line.demand_store(settings)
        fresh = done(line, settings, lambda desk: manage.rotate(desk, manage.BY, manage.asker()))
        line.out.print(f"Published {fresh.kid}", markup=False)

    return rotate


def _seal(line: Line) -> Callable[..., None]:
    def seal(
        lost: Annotated[
            bool, typer.Option("--lost", help="The file of keys is lost: give up what nothing opens.")
        ] = False,
        store: StoreOption = None,
        config: ConfigOption = None,
    ) -> None:
        """Seal signing keys and second factors in the store with a new key. The keys before stay in its file."""
        from auth.sealing import Unsealable
        from fhir_server.accounts import manage
        from fhir_server.app import open_tenant
        from fhir_server.sealing import not_opened, seal_anew

        settings = line.settings(config, store=store)
        line.demand_store(settings)

        async def work() -> int:
            async with open_tenant(settings) as tenant:
                try:
                    return await seal_anew(settings, tenant.services, manage.BY, manage.asker(), lost=lost)
                except Unsealable as why:
                    raise not_opened(settings, why) from None

        count = ended(line, work(), "Stop the server first: a key is changed while none runs on the store.")
        secrets = "1 secret" if count == 1 else f"{count} secrets"
        line.out.print(f"Sealed {secrets} anew: {settings.secrets_key_path}", markup=False, soft_wrap=True)

    return seal


def demo_accounts_of(settings: Settings) -> list[str]:
    """Return what to say about the accounts of the demo, which are opened here, and where they meet at `{root}`."""
    from fhir_server.accounts.demo import demo_accounts
    from fhir_server.demo.today import book

    async def work(desk: Desk) -> list[tuple[str, str, str]]:
        opened = await demo_accounts(desk)
        await book(desk)
        return opened

    opened = asyncio.run(at_desk(settings, work))
    page = "{root}/consultation/" if settings.consultation_page else "make page builds it, with Node and npm"
    accounts = (f"  {role:<8} {email:<22} {password}" for role, email, password in opened)
    return [f"Video consultation  {page}", "", "Accounts:", *accounts]


def group(help: str) -> typer.Typer:
    """Return an empty group of commands."""
    return typer.Typer(help=help, no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False)


def done(line: Line, settings: Settings, work: Callable[[Desk], Awaitable[T]]) -> T:
    """Do `work` at the desk of the store, or stop with what is wrong."""
    return ended(line, at_desk(settings, work))


def ended(line: Line, work: Coroutine[None, None, T], held: str = ASK) -> T:
    """Return what comes of `work`, or stop with what is wrong; `held` is what to do where a server holds the store."""
    from auth.errors import AuthError, Invalid
    from fhir_server.settings import SettingsError

    try:
        return asyncio.run(work)
    except Invalid as invalid:
        faults = (f"{name} {reason}" for name, reasons in invalid.fields.items() for reason in reasons)
        line.stop("; ".join(faults), USAGE)
    except StoreHeld as refusal:
        line.stop(f"{refusal} {held}", FAILED)
    except (AuthError, Refusal) as refusal:
        line.stop(str(refusal), FAILED)
    except SettingsError as error:
        line.stop(str(error), USAGE)


async def at_desk(settings: Settings, work: Callable[[Desk], Awaitable[T]]) -> T:
    """Do `work` at the desk of a store that no server holds."""
    from fhir_server.app import open_tenant
    from fhir_server.open_desk import open_desk

    async with open_tenant(settings) as tenant:
        desk = await open_desk(settings, tenant.services)
        done = await work(desk)
        await desk.close()
        return done
