"""How the operations of terminology find what they are asked about, and how they refuse what cannot be answered.

They work on a definition that is stored here, one that is R4's own, or one that came with the request
(http://hl7.org/fhir/R4/terminology-service.html).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from fhir_server.errors import BadRequest, Gone, NotFound, Refusal, TooCostly, Unprocessable
from fhir_server.interactions.access import demand, within
from fhir_server.interactions.call import Call
from fhir_server.interactions.terminology import Reading, consulted
from fhir_server.model.fhir_json import parse_stored
from fhir_server.operations.parameters import Given
from fhir_server.store.base import Key
from profiles.terminology import code_system
from profiles.terminology.canonical import unversioned
from profiles.terminology.errors import NotExpandable
from profiles.terminology.expand import members
from profiles.terminology.members import Members
from profiles.terminology.sources import System, known_code_system
from profiles.validation.well_formed import well_formed

T = TypeVar("T")
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """What an operation is about: a `canonical`, or the `resource` itself.

    `parameter` is the one that named it; `key` names a stored version, so that what is made of it can be kept.
    """

    parameter: str
    canonical: str = ""
    resource: Json | None = None
    key: tuple[str, str, int] | None = None

    def members(self, reading: Reading) -> Members:
        """Return what is in the value set. Raises NotExpandable."""
        resource = self.resource
        if resource is None:
            return reading.members_of(self.canonical)

        def made() -> Members:
            return reading.checked(members(resource, reading.resolve))

        return made() if self.key is None else reading.make(("members", self.key), made)

    def code_system(self, reading: Reading) -> System:
        """Return the code system with the codes that are here. Raises NotExpandable."""
        resource = self.resource
        if resource is None:
            return known_code_system(self.canonical, reading.resolve)
        if self.key is None:
            return code_system.of_resource(resource)
        type, id, number = self.key
        index = reading.index_of(f"{type}/{id}", number)
        return index or reading.make(("system", self.key), lambda: code_system.of_resource(resource))


async def subject_of(call: Call, given: Given, *, url: str, inline: str, version: str | None) -> Subject:
    """Return what the call is about: its instance, or what one of the parameters `url` and `inline` names.

    Raises BadRequest unless it is named once, NotFound and Gone for an instance that is not there.
    """
    named = [name for name in (url, inline) if name in given]
    if call.id is not None:
        if named:
            raise BadRequest(
                f"The URL names the {call.type} already: leave {named[0]} out, or ask at {call.type}.",
                expression=named[0],
            )
        return await _instance(call)
    if len(named) != 1:
        both = "both came" if named else "neither came"
        raise BadRequest(
            f"The parameter {url} or the parameter {inline} says which {call.type} is meant, and {both}: give one.",
            expression=url,
            code="invalid" if named else "required",
        )
    if named[0] == inline:
        return Subject(inline, resource=given.one(inline))
    return Subject(url, canonical=canonical_of(given, url, version))


def canonical_of(given: Given, url: str, version: str | None) -> str:
    """Return a url with the version that another parameter states. Raises BadRequest when two versions are stated."""
    named: str = given.one(url)
    stated = given.text(version) if version else None
    if stated is None:
        return named
    if "|" in named and unversioned(named) + f"|{stated}" != named:
        raise BadRequest(f"{url} and {version} state two versions: give one.", expression=version)
    return f"{unversioned(named)}|{stated}"


async def _instance(call: Call) -> Subject:
    assert call.type is not None
    assert call.id is not None
    demand(call, "read", call.type)
    version = await call.reader.read(Key(call.type, call.id), restriction=within(call, "read", call.type))
    if version is None:
        raise NotFound(f"{call.type}/{call.id} does not exist.")
    if version.deleted:
        raise Gone(f"{call.type}/{call.id} was deleted with version {version.number}.")
    resource = parse_stored(version.body)
    if not well_formed(resource):
        raise Unprocessable(
            f"{call.type}/{call.id} is not of the form that R4 gives a {call.type}, so nothing can be made of it: "
            f"correct what {call.type}/{call.id}/$validate tells."
        )
    return Subject("url", resource=resource, key=(call.type, call.id, version.number))


async def consult(call: Call, read: Callable[[Reading], T], parameter: str) -> T:
    """Return what `read` gives with all terminology it needs at hand.

    What cannot be answered becomes a refusal that names the `parameter`: 404 for what is not known, 422 else.
    """
    try:
        return await consulted(call, read)
    except NotExpandable as error:
        raise _refusal(error, parameter) from error


def _refusal(error: NotExpandable, parameter: str) -> Refusal:
    text = f"{str(error)[:1].upper()}{str(error)[1:]}."
    if error.code == "not-found":
        return NotFound(text, expression=parameter)
    if error.code == "too-costly":
        return TooCostly(text, expression=parameter)
    return Unprocessable(text, expression=parameter)
