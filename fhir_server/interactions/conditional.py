"""Conditional create, update, patch and delete: from search criteria to identities.

Criteria are answered twice: against a snapshot, so that everything heavy can be done before the write, and again
inside the write, where `hold` refuses to go on when the answer has changed (http://hl7.org/fhir/R4/http.html#cond-update).
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from msgspec import Struct

from fhir_server.errors import BadRequest, PreconditionFailed
from fhir_server.interactions.access import demand, restriction_for
from fhir_server.interactions.asking import SHOWING, read
from fhir_server.interactions.call import Call
from fhir_server.interactions.reaching import reaching
from fhir_server.interactions.terminology import answered
from fhir_server.search.query import Node
from fhir_server.store.base import Key, Snapshot

ONE = 2
"""How many matches to ask for when one is wanted: the second proves that there are several."""

PAIRS = 1000
RESULT_PARAMETERS = SHOWING | {"_type", "_count", "_sort", "_include", "_revinclude"}


class Moved(Exception):
    """Inside a write: what was prepared rests on a state that is no more. Prepare again."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """Search criteria of one type; `text` is for messages and for telling criteria apart."""

    type: str
    text: str
    where: Node


class Identity(Struct, frozen=True):
    """What a write is about: the `keys` it writes, and for conditional forms what the criteria matched.

    `keys` is empty when a conditional delete matches nothing. `found` says that a conditional create has met its
    resource, which then stays as it is. `matched` are the ids found, `limit` how many were asked for.
    """

    keys: tuple[Key, ...]
    criteria: Criteria | None = None
    matched: tuple[str, ...] = ()
    limit: int = ONE
    found: bool = False

    @property
    def key(self) -> Key:
        """The one key of everything but a conditional delete."""
        return self.keys[0]


def pairs(query: str) -> list[tuple[str, str]]:
    """Return the decoded (name, value) pairs of a query string such as an If-None-Exist header holds.

    Raises BadRequest for more than PAIRS of them and for what is not UTF-8.
    """
    try:
        return parse_qsl(query.removeprefix("?"), keep_blank_values=True, errors="strict", max_num_fields=PAIRS)
    except ValueError:
        raise BadRequest(f"The criteria are not percent-encoded UTF-8, or more than {PAIRS} parameters.") from None


async def criteria_of(
    call: Call, type: str, parameters: Sequence[tuple[str, str]], text: str | None = None
) -> Criteria:
    """Return the criteria that `parameters` state, strictly.

    Raises BadRequest for an unknown parameter, whatever Prefer says, and PreconditionFailed (412) for none at all:
    a condition that everything meets selects nothing on purpose.
    """
    if not any(value for _, value in parameters):
        raise PreconditionFailed(
            "A conditional interaction needs at least one search parameter with a value, such as "
            "identifier=system|value: without criteria every resource of the type would match."
        )
    for name, _ in parameters:
        if name.partition(":")[0] in RESULT_PARAMETERS:
            raise BadRequest(f"{name[:40]} says how to show matches and is no search criterion: leave it out.")
    now = call.services.now()
    demand(call, "search", type)
    search, _ = await answered(call, lambda terminology: read(call, type, parameters, terminology, now=now))
    search = reaching(call, search, (type,))
    return Criteria(type, text or "&".join(f"{name}={value}" for name, value in parameters), search.where)


async def matching(
    call: Call, reader: Snapshot, criteria: Criteria, *, limit: int = ONE, without: Set[Key] = frozenset()
) -> tuple[str, ...]:
    """Return up to `limit` ids that match now, leaving out `without` (what the same transaction deletes)."""
    hidden = {key.id for key in without if key.type == criteria.type}
    versions = await reader.matches(
        criteria.type, criteria.where, restriction=restriction_for(call), limit=limit + len(hidden)
    )
    return tuple(version.key.id for version in versions if version.key.id not in hidden)[:limit]


def single(criteria: Criteria, ids: tuple[str, ...]) -> str | None:
    """Return the one id, or None when there is none. Raises PreconditionFailed (412) for several."""
    if len(ids) > 1:
        raise PreconditionFailed(
            f"Several {criteria.type} resources match the criteria ({names(criteria.text)}). Make them more specific, "
            "so that they match one resource or none.",
            code="multiple-matches",
        )
    return ids[0] if ids else None


async def hold(call: Call, tx: Snapshot, identity: Identity) -> None:
    """Inside a write: raise Moved when the criteria no longer find what the write was prepared for."""
    if identity.criteria is not None:
        now = await matching(call, tx, identity.criteria, limit=identity.limit)
        if set(now) != set(identity.matched):
            raise Moved


def names(text: str) -> str:
    """Return the parameter names of criteria: values may be personal data and stay out of messages."""
    return "&".join(dict.fromkeys(part.partition("=")[0] for part in text.split("&")))


async def as_criteria(call: Call, type: str, query: Any) -> Criteria:
    """Return the criteria of a query string (If-None-Exist, a conditional reference). Raises as `criteria_of`."""
    text = str(query)
    path, question, _ = text.partition("=")[0].partition("?")
    if question and path:
        raise BadRequest("The criteria are what follows the ? of a search, without the URL before it.")
    return await criteria_of(call, type, pairs(text), text)
