"""Which operations there are (http://hl7.org/fhir/R4/operations.html): routing and the CapabilityStatement ask here.

To add one, write `operations/NAME.py` with a coroutine of that name, and give it a row.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from auth.rights import Power
from fhir_server.interactions.access import demand_power
from fhir_server.interactions.call import Call, Result
from fhir_server.interactions.subscribing.tables import TYPE as SUBSCRIPTION
from fhir_server.operations import install_package
from fhir_server.operations.closure import closure
from fhir_server.operations.events import events
from fhir_server.operations.expand import expand
from fhir_server.operations.get_ws_binding_token import get_ws_binding_token
from fhir_server.operations.lookup import lookup
from fhir_server.operations.reindex import reindex
from fhir_server.operations.status import status
from fhir_server.operations.subsumes import subsumes
from fhir_server.operations.translate import translate
from fhir_server.operations.validate import validate
from fhir_server.operations.validate_code import validate_code
from realtime.subscriptions.subscription import GUIDE

Level = Literal["system", "type", "instance"]
STANDARD = "http://hl7.org/fhir/OperationDefinition/"
BACKPORT = f"{GUIDE}/OperationDefinition/backport-subscription-"
BINDING = "get-ws-binding-token"
OWN = "urn:fhir-health-server:operation:"
"""What the definitions of operations that are not the standard's begin with."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: `$name` at `levels`, for resources of `types` (empty: of every type), by `methods`.

    `definition` is the canonical URL of its OperationDefinition; `{type}` in it stands for the type asked at, where
    each has a definition of its own. An operation that changes something takes no GET, but to be asked how far it is.
    `perform` finds its parameters in `Call.parameters` and `Call.resource`. A body of one of the media types in `raw`
    is no resource: it comes in `Call.content`. One that `judges` bodies gets every one as it came, in `Call.raw` with
    its `Call.media_type`. `needs` is the power that the caller must have (`auth.rights`), None
    for one that asks for what it needs itself; what it reads and writes is within the caller's restriction besides.
    """

    name: str
    definition: str
    perform: Callable[[Call], Awaitable[Result]]
    levels: tuple[Level, ...]
    types: tuple[str, ...] = ()
    methods: tuple[str, ...] = ("GET", "POST")
    raw: tuple[str, ...] = ()
    judges: bool = False
    needs: Power | None = field(kw_only=True)

    async def answer(self, call: Call) -> Result:
        """Perform the operation. Raises Forbidden unless the caller may ask for it."""
        if self.needs is not None:
            demand_power(call, self.needs, f"${self.name}")
        return await self.perform(call)


OPERATIONS: Mapping[str, Operation] = {
    each.name: each
    for each in (
        Operation("closure", STANDARD + "ConceptMap-closure", closure, ("system",), methods=("POST",), needs="closure"),
        Operation("events", BACKPORT + "events", events, ("instance",), (SUBSCRIPTION,), needs=None),
        Operation(
            "expand", STANDARD + "ValueSet-expand", expand, ("type", "instance"), ("ValueSet",), needs="terminology"
        ),
        Operation(
            BINDING,
            BACKPORT + BINDING,
            get_ws_binding_token,
            ("type", "instance"),
            (SUBSCRIPTION,),
            needs=None,
        ),
        Operation(
            "install-package",
            OWN + "install-package",
            install_package.install_package,
            ("system",),
            methods=("POST",),
            raw=install_package.RAW,
            needs="packages",
        ),
        Operation("lookup", STANDARD + "CodeSystem-lookup", lookup, ("type",), ("CodeSystem",), needs="terminology"),
        Operation("reindex", OWN + "reindex", reindex, ("system",), needs="reindex"),
        Operation("status", BACKPORT + "status", status, ("type", "instance"), (SUBSCRIPTION,), needs=None),
        Operation(
            "subsumes",
            STANDARD + "CodeSystem-subsumes",
            subsumes,
            ("type", "instance"),
            ("CodeSystem",),
            needs="terminology",
        ),
        Operation(
            "translate",
            STANDARD + "ConceptMap-translate",
            translate,
            ("type", "instance"),
            ("ConceptMap",),
            needs="terminology",
        ),
        Operation(
            "validate", STANDARD + "Resource-validate", validate, ("type", "instance"), judges=True, needs="validate"
        ),
        Operation(
            "validate-code",
            STANDARD + "{type}-validate-code",
            validate_code,
            ("type", "instance"),
            ("CodeSystem", "ValueSet"),
            needs="terminology",
        ),
    )
}


def operation_at(name: str, type: str | None, id: str | None) -> Operation | None:
    """Return the operation `name` (without `$`) where it can be asked for: at `type`/`id`, `type` or the system."""
    found = OPERATIONS.get(name)
    level: Level = "system" if type is None else "type" if id is None else "instance"
    if found is None or level not in found.levels or (type is not None and found.types and type not in found.types):
        return None
    return found


def described(*, sockets: bool = True) -> tuple[Mapping[str, str], ...]:
    """Return the operations as the CapabilityStatement lists them: name, definition, and resource unless at the system.

    One that goes with every type is listed under `Resource`. `sockets` says whether subscriptions are heard on sockets
    here: nothing is bound to them otherwise.
    """
    rows: list[Mapping[str, str]] = []
    for each in OPERATIONS.values():
        if each.name == BINDING and not sockets:
            continue
        names = {"name": each.name, "definition": each.definition}
        if "system" in each.levels:
            rows.append(names)
        if set(each.levels) & {"type", "instance"}:
            for type in each.types or ("Resource",):
                definition = each.definition.replace("{type}", type)
                rows.append({"name": each.name, "definition": definition, "resource": type})
    return tuple(rows)
