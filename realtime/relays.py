"""Servers that help two browsers to find a way to each other (ICE), with credentials for TURN that end by themselves.

coturn's shared-secret scheme, https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00: the user name is
the second since 1970 at which it ends, a colon and who uses it; the password is the HMAC-SHA1 of the user name. Server
and relay share the secret, and no list of users.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Relays:
    """The addresses of STUN and TURN servers, the secret shared with the latter, and how many seconds it lets in."""

    stun: Sequence[str] = ()
    turn: Sequence[str] = ()
    secret: str = ""
    lasts: int = 14_400

    def servers(self, user: str, now: int) -> list[dict[str, Any]]:
        """Return the servers for a user as `RTCIceServer`s (https://www.w3.org/TR/webrtc/#rtciceserver-dictionary).

        `now` is in seconds since 1970.
        """
        found: list[dict[str, Any]] = [{"urls": list(self.stun)}] if self.stun else []
        if self.turn:
            name = f"{now + self.lasts}:{user}"
            found.append({"urls": list(self.turn), "username": name, "credential": credential(self.secret, name)})
        return found


def credential(secret: str, name: str) -> str:
    """Return the password that goes with a user name."""
    return base64.b64encode(hmac.digest(secret.encode(), name.encode(), hashlib.sha1)).decode()
