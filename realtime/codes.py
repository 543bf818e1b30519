"""Close codes of sockets: those of RFC 6455, 7.4.1, of the IANA registry, and 4401 for access that has ended."""

from __future__ import annotations

GONE, NO_TEXT, BAD, POLICY, TOO_LARGE, FAULT = 1001, 1003, 1007, 1008, 1009, 1011
RESTARTS, BUSY, ENDED = 1012, 1013, 4401
