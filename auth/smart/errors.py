"""How OAuth says no (RFC 6749, 4.1.2.1 and 5.2). The descriptions may be shown to anybody.

A `Refusal` is answered by the token endpoint in JSON, by the authorization endpoint at the app's redirect URI. A
`Stray` request never leaves for an address that it names: its user sees a page.
"""

from __future__ import annotations


class Refusal(Exception):
    """A request that is refused; `code` is one of the registered error codes."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


class InvalidClient(Refusal):
    """The client did not prove who it is. `basic` says that it tried by HTTP Basic, and must be challenged for it."""

    def __init__(self, description: str, *, basic: bool = False) -> None:
        super().__init__("invalid_client", description)
        self.basic = basic


class Stray(Exception):
    """An authorization request that cannot be answered at any redirect URI."""
