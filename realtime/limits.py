"""How much one socket may ask for, and how much may wait for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings of one socket.

    `message_bytes` is the size of a message, `messages_a_second` how many it may send in the long run, `burst` how many
    at once. `queue` and `queue_bytes` are what may wait to be read by it. `topics` is how many it may join, `quiet_s`
    the seconds without a message or heartbeat after which it is closed. `sockets` is how many one account may have, and
    `unbound` how many that are nobody's yet may come from one address.
    """

    message_bytes: int = 64 * 1024
    messages_a_second: float = 50.0
    burst: int = 200
    queue: int = 1_000
    queue_bytes: int = 1024 * 1024
    topics: int = 20
    quiet_s: float = 90.0
    sockets: int = 20
    unbound: int = 50
