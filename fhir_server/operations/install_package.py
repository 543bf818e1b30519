"""$install-package: `POST [base]/$install-package`.

Install a FHIR NPM package, for administrators. The body is the .tgz as it is (`application/gzip`), or a Parameters with
`package` (a Binary, or valueBase64Binary) and optionally `strict` and `examples` (valueBoolean); beside a raw body they
stand in the URL. The answer is an OperationOutcome: what is in, and what it lacks.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

from fhir_server.errors import BadRequest, Unprocessable
from fhir_server.interactions.call import Call, Resource, Result
from fhir_server.model.issues import operation_outcome
from fhir_server.packages.archive import read_archive
from fhir_server.packages.install import install
from fhir_server.packages.report import Report
from profiles.issues import Issue
from profiles.packages.package import PackageError

RAW = ("application/gzip", "application/x-gzip", "application/octet-stream", "application/tar+gzip")
"""The media types under which a package comes as it is."""
FLAGS = ("strict", "examples")
IN_MEMORY = 4 * 1024 * 1024
LISTED = 100
"""How many unresolved canonicals and warnings are listed before the rest is counted."""


async def install_package(call: Call) -> Result:
    """Install a package: 200. Raises BadRequest without one, Unprocessable for one that is refused."""
    if call.transaction is not None:
        raise BadRequest("$install-package is asked for on its own, not inside a Bundle.")
    with SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        flags = await _fill(call, cast(BinaryIO, file))
        size = file.tell()
        file.seek(0)
        try:
            package = await asyncio.to_thread(read_archive, cast(BinaryIO, file), size)
            report = await install(
                call.services,
                package,
                strict=flags["strict"],
                examples=flags["examples"],
                principal=call.principal,
                request=call.request_id,
            )
        except PackageError as error:
            raise Unprocessable(str(error)) from None
    return Result(200, resource=operation_outcome(list(_issues(report))))


async def _fill(call: Call, file: BinaryIO) -> dict[str, bool]:
    """Write the package that came to `file`; return which of FLAGS were asked for."""
    flags = {flag: _flag(flag, [value for name, value in call.parameters if name == flag]) for flag in FLAGS}
    if call.content is not None:
        async for piece in call.content.pieces(0):
            file.write(piece)
    elif call.resource is not None and call.resource.get("resourceType") == "Binary":
        file.write(_data(call.resource.get("data"), "Binary.data"))
    elif call.resource is not None:
        flags |= _parameters(call.resource, file)
    else:
        raise BadRequest(f"$install-package needs a package as its body: a .tgz as {RAW[0]}, or in a Parameters.")
    return flags


def _parameters(resource: Resource, file: BinaryIO) -> dict[str, bool]:
    parameters = resource.get("parameter")
    if resource.get("resourceType") != "Parameters" or not isinstance(parameters, list):
        raise BadRequest("The body of an operation is a Parameters resource.", expression="resourceType")
    flags: dict[str, bool] = {}
    packages = []
    for each in parameters:
        match each:
            case {"name": "package" | "npmContent", "valueBase64Binary": data}:
                packages.append(data)
            case {"name": "package" | "npmContent", "resource": {"resourceType": "Binary", "data": data}}:
                packages.append(data)
            case {"name": "strict" | "examples" as flag, "valueBoolean": bool(value)}:
                flags[flag] = value
            case _:
                raise BadRequest(
                    "$install-package takes package (a Binary, or valueBase64Binary), strict and examples "
                    "(valueBoolean).",
                    expression="Parameters.parameter",
                )
    if len(packages) != 1:
        raise BadRequest("$install-package takes exactly one package at a time.", expression="Parameters.parameter")
    file.write(_data(packages[0], "Parameters.parameter"))
    return flags


def _data(value: Any, expression: str) -> bytes:
    try:
        return base64.b64decode("".join(value.split()) if isinstance(value, str) else "!", validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest("The package is not base64.", expression=expression) from None


def _flag(name: str, values: list[str]) -> bool:
    if any(value not in ("true", "false") for value in values):
        raise BadRequest(f"{name} is true or false.", expression=name)
    return "true" in values


def _issues(report: Report) -> Iterator[Issue]:
    done = {
        "installed": "is installed",
        "replaced": "has replaced what was there",
        "unchanged": "was installed already",
    }
    parts = [label for label, _ in report.parts]
    what = f"{report.label} as {', '.join(parts)}" if parts != [report.label] else report.label
    brought = ", ".join(f"{number} {type}" for type, number in sorted(report.counts.items()))
    yield Issue("information", "informational", f"{what} {done[report.state]}: {brought}.")
    if report.loaded:
        yield Issue("information", "informational", f"{report.loaded} examples of the package are in.")
    if report.examples:
        yield Issue("information", "informational", f"{report.examples} examples of the package were left out.")
    for label in report.missing:
        yield Issue("warning", "not-found", f"It depends on {label}, which is not installed: install that too.")
    for number, (canonical, by) in enumerate(report.unresolved.items()):
        if number == LISTED:
            yield Issue("warning", "incomplete", f"And {len(report.unresolved) - LISTED} more unresolved canonicals.")
            break
        yield Issue("warning", "not-found", f"Nothing here defines {canonical[:300]}, which {by[:300]} needs.")
    for warning in report.warnings[:LISTED]:
        yield Issue("warning", "business-rule", warning)
