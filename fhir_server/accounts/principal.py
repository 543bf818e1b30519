"""From a grant and the account behind it to the `Principal` of interactions: the one place where it is made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import lru_cache

from auth.accounts import Account
from auth.grants import Grant
from auth.policy import NOBODY, TREATMENT, Caller, Employers, Policy, rights_of
from auth.rights import NO_RIGHTS, Rights
from auth.scopes import Known, Scopes, parse_scopes
from fhir_server.interactions.call import Principal

REMEMBERED = 256
"""Of how many callers the rights are remembered."""
SYSTEM = "system"
"""The role of a backend service, which acts for no account."""


PrincipalOf = Callable[[Grant, Account | None], Awaitable[Principal]]
"""Makes the principal of a grant and the account behind it."""


def principals(policy: Policy, known: Known, employers: Callable[[Account], Awaitable[Employers]]) -> PrincipalOf:
    """Return what makes principals by `policy`.

    `known` tells whether a type has a search parameter of that name, `employers` by which organizations consents may
    name the owner of an account, too.
    """

    # Who somebody is is looked up each time; what that gives them is worked out once.
    @lru_cache(maxsize=REMEMBERED)
    def rights(caller: Caller) -> Rights:
        return rights_of(policy, caller)

    async def principal_of(grant: Grant, account: Account | None) -> Principal:
        role = SYSTEM if account is None else role_of(account)
        actor = f"Client/{grant.client}" if account is None else account.actor
        at = NOBODY if account is None else await employers(account)
        caller = Caller(role, actor.partition("/")[2], actor, employers=at)
        return Principal(
            actor,
            _rights(rights, known, grant, account, caller),
            account=grant.account,
            client=grant.client,
            grant=grant.id,
            role=role,
            purpose=grant.purpose or "",
            scopes=grant.scopes,
        )

    return principal_of


def role_of(account: Account) -> str:
    """Return the role that the policy knows the account by: a professional who is not confirmed yet is `pending`."""
    return "pending" if account.status == "pending" else account.role


def _rights(
    rights: Callable[[Caller], Rights], known: Known, grant: Grant, account: Account | None, asker: Caller
) -> Rights:
    if account is not None and account.status == "disabled":
        return NO_RIGHTS
    scopes = None if grant.kind == "session" else _scopes(grant, known)
    return rights(replace(asker, scopes=scopes, patient=grant.patient, purpose=grant.purpose or TREATMENT))


def _scopes(grant: Grant, known: Known) -> Scopes:
    # A scope that can no longer be read opens nothing.
    return parse_scopes(" ".join(grant.scopes), known)[0]
