"""A server without HTTP: the interactions over a store of choice, with real validation and extraction."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from fhir_server.errors import Refusal
from fhir_server.interactions import attaching, own_parameters, relating
from fhir_server.interactions.bundle import bundle
from fhir_server.interactions.call import (
    ANONYMOUS,
    NO_PRECONDITIONS,
    NO_PREFERENCE,
    Call,
    Limits,
    Preconditions,
    Prefer,
    Principal,
    Result,
    Services,
)
from fhir_server.interactions.subscribing import tables as subscribing
from fhir_server.interactions.table import INTERACTIONS
from fhir_server.model.fhir_json import parse
from fhir_server.operations import closure, reindexing
from fhir_server.search.extract import Extractor
from fhir_server.search.parameters import Registry
from fhir_server.search.parse import criteria
from fhir_server.store.base import AuditRow, RecordTable
from fhir_server.store.connect import connect
from profiles.issues import Issue
from profiles.validation.validator import Validator
from tests.fakes.clock import Clock

BASE = "http://example.org/fhir"
Json = dict[str, Any]


class Server:
    """Performs interactions by name, with plain arguments."""

    def __init__(self, services: Services, clock: Clock) -> None:
        self.services = services
        self.clock = clock
        self.principal: Principal = ANONYMOUS
        self._requests = itertools.count(1)

    def limit(self, **limits: int) -> None:
        self.services = replace(self.services, limits=replace(self.services.limits, **limits))

    def call(
        self,
        path: str = "",
        *,
        query: Sequence[tuple[str, str]] = (),
        resource: Json | None = None,
        when: Preconditions = NO_PRECONDITIONS,
        prefer: Prefer = NO_PREFERENCE,
        raw: bytes | None = None,
        compartment: tuple[str, str] | None = None,
    ) -> Call:
        type, id, version = (*(part for part in path.split("/") if part != "_history"), None, None, None)[:3]
        call = Call(self.services, self.principal, f"request-{next(self._requests)}", type or None, id, version)
        call.parameters, call.resource, call.preconditions, call.prefer = tuple(query), resource, when, prefer
        call.compartment = compartment
        if raw is not None:
            call.raw, call.media_type = raw, "application/json-patch+json"
        return call

    async def do(self, name: str, path: str = "", **given: Any) -> Result:
        return await INTERACTIONS[name](self.call(path, **given))

    async def refusal(self, name: str, path: str = "", **given: Any) -> Refusal:
        """Return the refusal that the interaction must end with."""
        with pytest.raises(Refusal) as caught:
            await self.do(name, path, **given)
        return caught.value

    async def put(self, resource: Json, **given: Any) -> Result:
        return await self.do("update", f"{resource['resourceType']}/{resource['id']}", resource=resource, **given)

    async def show(self, path: str) -> Json:
        """Return the resource at `path`."""
        return content(await self.do("read", path))

    async def bundle(self, *entries: Json, type: str = "transaction", prefer: Prefer = NO_PREFERENCE) -> list[Json]:
        """Return the response entries of a Bundle."""
        answer = content(await bundle(self.call(resource=bundle_of(*entries, type=type), prefer=prefer)))
        assert answer["type"] == f"{type}-response"
        assert len(answer.get("entry", [])) == len(entries)
        return list(answer.get("entry", []))

    async def bundle_refusal(self, *entries: Json, type: str = "transaction") -> Refusal:
        with pytest.raises(Refusal) as caught:
            await self.bundle(*entries, type=type)
        return caught.value

    async def audit_rows(self) -> list[AuditRow]:
        """Return the audit rows so far; one more, waited for, makes the earlier ones durable."""
        last = AuditRow(self.clock(), "test", "flush", "", 200, "flush")
        await self.services.store.audit(last, wait=True)
        return [row for _, row in await self.services.store.audit_rows() if row.action != "flush"]


def content(result: Result) -> Json:
    """Return the resource of a result."""
    if result.resource is not None:
        return result.resource
    assert result.body is not None
    found: Json = parse(result.body)
    return found


def bundle_of(*entries: Json, type: str = "transaction") -> Json:
    return {"resourceType": "Bundle", "type": type, "entry": list(entries)}


def entry(method: str, url: str, resource: Json | None = None, full_url: str | None = None, **request: str) -> Json:
    """Return a Bundle entry."""
    made: Json = {"request": {"method": method, "url": url, **request}}
    if resource is not None:
        made["resource"] = resource
    if full_url is not None:
        made["fullUrl"] = full_url
    return made


def patient(id: str | None = None, **more: Any) -> Json:
    made: Json = {"resourceType": "Patient"} | ({} if id is None else {"id": id})
    return made | more


def observation(subject: str, id: str | None = None, **more: Any) -> Json:
    made: Json = {"resourceType": "Observation"} | ({} if id is None else {"id": id})
    return made | {"status": "final", "code": {"text": "weight"}, "subject": {"reference": subject}} | more


def identified(value: str, type: str = "Patient", **more: Any) -> Json:
    return {"resourceType": type, "identifier": [{"system": "urn:s", "value": value}], **more}


def errors(refusal: Refusal) -> list[Issue]:
    return [issue for issue in refusal.issues if issue.is_error]


async def services_at(
    url: str, registry: Registry, extractor: Extractor, validator: Validator, clock: Clock
) -> Services:
    numbers = itertools.count(1)
    """Return the parts of a server whose store is at `url`."""
    store = await connect(
        url,
        clock=clock,
        criteria=criteria(registry, base=BASE, now=clock()),
        tables=(
            *relating.TABLES,
            *subscribing.TABLES,
            attaching.TABLE,
            RecordTable("done"),
            own_parameters.TABLE,
            reindexing.TABLE,
            closure.TABLE,
        ),
    )
    return Services(
        store=store,
        registry=registry,
        extractor=extractor,
        validator=validator,
        base=BASE,
        secret=b"s" * 32,
        limits=Limits(),
        new_id=lambda: f"new-{next(numbers)}",
        now=clock,
    )
