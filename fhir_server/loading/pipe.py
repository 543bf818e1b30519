"""What goes through the pipes between the process that writes files and those that prepare them.

Light to import, so that the other processes can be started before this one has loaded what it needs itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fhir_server.interactions.preparing import Portable


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
