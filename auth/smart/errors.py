"""How OAuth says no (RFC 6749, 4.1.2.1 and 5.2). The descriptions may be shown to anybody.

A `Refusal` is answered by the token endpoint in JSON, by the authorization endpoint at the app's redirect URI. A
`Stray` request never leaves for an address that it names: its user sees a page.
"""

from __future__ import annotations

import re
from typing import Literal

_UNSAYABLE = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")
LONGEST = 300


class Refusal(Exception):
    """A request that is refused; `code` is one of the registered error codes.

    The description is cut down to the characters that it may have, since it may repeat what was sent.
    """

    def __init__(self, code: str, description: str) -> None:
        self.code = code
        self.description = _UNSAYABLE.sub("'", description)[:LONGEST]
        super().__init__(self.description)


class InvalidClient(Refusal):
    """The client did not prove who it is. `basic` says that it tried by HTTP Basic, and must be challenged for it."""

    def __init__(self, description: str, *, basic: bool = False) -> None:
        super().__init__("invalid_client", description)
        self.basic = basic


Reason = Literal[
    "over",
    "unknown_app",
    "no_address",
    "doubled",
    "changed",
    "not_yours",
    "other_site",
    "no_form",
    "crowded",
    "too_many",
]
"""Why a request is stray; the pages say it in the language of the user."""


class Stray(Exception):
    """An authorization request that cannot be answered at any redirect URI."""

    def __init__(self, reason: Reason, status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
