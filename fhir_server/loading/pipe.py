"""What goes through the pipes between the process that writes and those that prepare.

Everything is sent as a length of eight bytes and a pickle: both ends are this program. Light to import, so that the
other processes can be started before this one has loaded what it needs itself.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from fhir_server.interactions.call import Limits
    from fhir_server.interactions.preparing import Portable
    from fhir_server.interactions.profiles import Policy
    from fhir_server.search.parameters import Addition

LENGTH = 8


class Setup(NamedTuple):
    """What a worker has to know of its server: the store's address, the FHIR base, limits, own parameters, policy."""

    store: str
    base: str
    limits: Limits
    additions: Sequence[Addition] = ()
    policy: Policy | None = None


class Head(NamedTuple):
    """The file is readable: its digest, and whether it goes in whole or not at all."""

    digest: str
    whole: bool


class Early(NamedTuple):
    """The next piece has to wait until everything before it is in."""


class Piece(NamedTuple):
    """The entries from `first` up to `end`, `entries` of them present.

    `refused` are those that are no entries, with the reason; `position` is how far they reach in the file. `made` is
    None when it is for the writing process to find out what to do.
    """

    first: int
    end: int
    entries: int
    refused: dict[int, str]
    position: int
    made: Portable | None


class Done(NamedTuple):
    """No more pieces: the file has `ended`, or the writing process has to go on by itself."""

    ended: bool


Sent = Head | Early | Piece | Done


def frame(value: Any) -> bytes:
    """Return `value` as it goes through a pipe."""
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return len(data).to_bytes(LENGTH) + data
