"""How the process that writes and those that prepare speak to each other.

Everything is sent as a length of eight bytes and a pickle: both ends are this program. Light to import, so that the
other processes can be started before this one has loaded what it needs itself.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from fhir_server.interactions.call import Limits
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


def frame(value: Any) -> bytes:
    """Return `value` as it goes through a pipe."""
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return len(data).to_bytes(LENGTH) + data


def take(given: BinaryIO) -> Any:
    """Return the next value of a pipe. Raises EOFError when the other end is gone."""
    length = given.read(LENGTH)
    if len(length) < LENGTH:
        raise EOFError
    return pickle.loads(given.read(int.from_bytes(length)))
