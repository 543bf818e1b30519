"""How surely somebody must have been recognised before data opens: by two factors, where the operator demands it.

A session tells by what it was signed in with (`amr`, RFC 8176) and how surely an external provider knew its user
(`acr`, OpenID Connect Core 2). What apps were granted carries the same of the session it came from, and they are told.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from auth.accounts import Account
from auth.grants import Grant

SEVERAL = "mfa"
"""The method that says that there were several (RFC 8176)."""
MULTIPLE = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
"""What several factors are called to apps: multi-factor authentication as OpenID PAPE 1.0 defines it (section 4)."""
DUE = (
    "Your account needs a second factor: sign in with one. If it has none yet, add an authenticator or a passkey "
    "first, which this session may still do."
)


@dataclass(frozen=True, slots=True)
class Assurance:
    """`roles` reach data by two factors only; each `acr` that an external provider states stands for them, too."""

    roles: Collection[str] = ()
    acr: Collection[str] = ()

    def suffices(self, grant: Grant, account: Account | None) -> bool:
        """Whether what the grant came from was sure enough. A service, which is nobody's account, has its keys."""
        if account is None or account.role not in self.roles:
            return True
        return SEVERAL in grant.amr or grant.acr in self.acr


def acr_of(grant: Grant) -> str | None:
    """Return how surely the owner of a grant was recognised (`acr`): in the words of the external provider where that
    has any, else `MULTIPLE` or None, for one factor.
    """
    return grant.acr or (MULTIPLE if SEVERAL in grant.amr else None)


ANY = Assurance()
"""One factor does for everybody."""
