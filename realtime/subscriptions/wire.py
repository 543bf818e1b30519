"""What is said on the socket of subscriptions: text, a word and what it is about.

R4 (http://hl7.org/fhir/R4/subscription.html): the client sends `bind ID`, the server answers `bound ID`, and says
`ping ID` when there is something. Subscriptions R5 Backport: the client sends `bind-with-token TOKEN` and gets
notifications, the first of which is a handshake.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 1024
"""Characters of a message of a client."""

_ID = re.compile(r"(?:Subscription/)?([A-Za-z0-9\-.]{1,64})")
_TOKEN = re.compile(r"[A-Za-z0-9_\-]{1,200}")


@dataclass(frozen=True, slots=True)
class Bind:
    """The client wants to hear of the subscription `id`."""

    id: str


@dataclass(frozen=True, slots=True)
class BindWithToken:
    """The client wants to hear of the subscriptions that a binding token is for."""

    token: str


class Misspelt(ValueError):
    """A message that is none of those there are; the text says which there are."""


def decode(text: str) -> Bind | BindWithToken:
    """Return what a client says. Raises Misspelt."""
    word, _, rest = text.strip().partition(" ")
    rest = rest.strip()
    if word == "bind" and (found := _ID.fullmatch(rest)):
        return Bind(found[1])
    if word == "bind-with-token" and _TOKEN.fullmatch(rest):
        return BindWithToken(rest)
    raise Misspelt("say bind ID, or bind-with-token TOKEN")


def topic_of(id: str) -> str:
    """Return the topic of the bus on which it is said that a subscription has something."""
    return f"subscription:{id}"


def bound(id: str) -> str:
    """Return the answer to `bind`."""
    return f"bound {id}"


def ping(id: str) -> str:
    """Return what says that there is something."""
    return f"ping {id}"


def refused(what: str, why: str) -> str:
    """Return the answer to what is not done; `what` is what it was about, never a token."""
    return f"error {what}: {why}"
