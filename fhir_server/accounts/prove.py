"""Who asks proves once more who they are, so that a token that was stolen or left open is not enough by itself.

By the password; or, where the account has none, by having signed in at the external provider just now. A passkey that
was used just now does not count: whoever has the token can have added it.
"""

from __future__ import annotations

from auth.accounts import Account
from auth.errors import TooMany, Unauthenticated
from auth.grants import Grant
from auth.ports import Asker, Event
from fhir_server.accounts.desk import Desk

FRESH = 300
"""Seconds for which a sign-in elsewhere proves who asks."""
NEEDED = "Your password is needed once more: send it as password."
WRONG = "The password is wrong. If you have forgotten it, ask for a new one by letter, and try again with that."
ELSEWHERE = "Sign in at your provider once more, and ask again within five minutes."


async def prove(desk: Desk, account: Account, session: Grant, password: str | None) -> tuple[str, ...]:
    """Return by which method, if not that of the `session` itself, they have proved it (RFC 8176).

    Raises Unauthenticated, TooMany.
    """
    if account.password is None:
        if "ext" not in session.amr or desk.auth.now() - session.issued > FRESH * 1_000_000:
            raise Unauthenticated(ELSEWHERE)
        return ()
    if not password:
        raise Unauthenticated(NEEDED)
    await desk.auth.throttle.hit("code-account", account.id)
    if not await desk.auth.passwords.verify(account.password, password):
        raise Unauthenticated(WRONG)
    return ("pwd",)


async def demand_proof(
    desk: Desk, account: Account, session: Grant, password: str | None, asker: Asker, *, to: str
) -> None:
    """Have them prove it before they may do what the trail calls `to`; there is told who was refused, as well.

    Raises as `prove`.
    """
    try:
        await prove(desk, account, session, password)
    except (Unauthenticated, TooMany) as refusal:
        await desk.auth.trail.note(Event(to, account.actor, asker, refusal.status, account.actor, account.patients))
        raise
