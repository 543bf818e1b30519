"""read: `GET [base]/[type]/[id]`, conditional with If-None-Match or If-Modified-Since.

http://hl7.org/fhir/R4/http.html#read: the stored bytes are the answer, untouched unless `_summary` or `_elements`
ask for a part of them.
"""

from __future__ import annotations

from fhir_server.errors import Gone, NotFound
from fhir_server.interactions import audit, binary, part
from fhir_server.interactions.access import demand, within
from fhir_server.interactions.audit_events.external import is_own
from fhir_server.interactions.audit_events.show import show
from fhir_server.interactions.call import Call, Result
from fhir_server.interactions.preconditions import unmodified
from fhir_server.store.base import Key, Version


async def read(call: Call) -> Result:
    """Return the current version: 200, or 304 when the caller has it. Raises NotFound, or Gone for a deleted one."""
    assert call.type is not None
    assert call.id is not None
    if is_own(call.type, call.id):
        return await show(call)
    wanted = part.wanted_of_one(call.parameters, call.type)
    demand(call, "read", call.type)
    version = await call.reader.read(Key(call.type, call.id), restriction=within(call, "read", call.type))
    if version is None:
        raise NotFound(f"{call.type}/{call.id} does not exist.")
    if version.deleted:
        raise Gone(
            f"{call.type}/{call.id} was deleted with version {version.number}. Its history is at "
            f"{call.type}/{call.id}/_history; a PUT brings it back."
        )
    return await audit.seen(call, "read", await shown(call, version, wanted))


async def shown(call: Call, version: Version, wanted: part.Part) -> Result:
    """Return `version` as the answer to a read of it."""
    result = Result(200, version=str(version.number), time=version.time, patients=audit.patients_of(version))
    if unmodified(call, version):
        result.status = 304
    elif call.streams and wanted == part.WHOLE:
        result.body, result.content = version.body, await binary.beside(call, version)
    else:
        result.body = part.of(await binary.whole(call, version), wanted)
    return result
