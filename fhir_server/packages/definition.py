"""One definition of a package on its way into the store: an ordinary resource with an id that is always the same."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.errors import Unprocessable
from fhir_server.interactions import own_parameters
from fhir_server.interactions.call import Services
from fhir_server.model.draft import draft, headed, stamped
from fhir_server.model.fhir_json import parse
from fhir_server.model.resource import instant
from fhir_server.search.values import IndexEntries
from fhir_server.store.base import Key, NewVersion, Transaction, Version
from profiles.packages.package import Artifact, PackageError
from profiles.packages.telemed import is_own
from profiles.restriction import ALL

TAG = "urn:fhir-health-server:package"
"""The system of the tag that names the package, `name#version`, in each definition that one brought."""
AUTHOR = "package"
_READABLE = 47


@dataclass(frozen=True, slots=True)
class Ready:
    """A definition with all that the store keeps of it, its JSON compressed.

    `label` is the package's, `mark` the registry's behind `entries`; `served` is whether searches may use it, where it
    is a SearchParameter; `fault` what of R4's rules it breaks.
    """

    label: str
    key: Key
    packed: bytes
    entries: IndexEntries
    labels: Sequence[tuple[str, str]]
    mark: str
    served: bool
    fault: str


def key_of(label: str, artifact: Artifact) -> Key:
    """Return where the definition of package `label` is stored: its own id, made unique by package and canonical.

    What this software brings is stored under its own id, so that a newer version of it follows the older one.
    """
    if is_own(label):
        return Key(artifact.type, artifact.id)
    text = f"{label}\n{artifact.type}\n{artifact.canonical or artifact.entry}"
    unique = hashlib.sha256(text.encode()).hexdigest()[:16]
    own = artifact.id[:_READABLE]
    return Key(artifact.type, f"{own}-{unique}" if own else unique)


def ready(services: Services, label: str, artifact: Artifact) -> Ready:
    """Return a definition made ready to be put. Raises PackageError when it is no resource that can be kept."""
    key = key_of(label, artifact)
    resource = headed(key.type, key.id, tagged(parse(artifact.text), label))
    # A first start need not wait for what the tests of this software have found out already.
    issues = [] if is_own(label) else services.validator.validate(resource)
    faults = [issue for issue in issues if issue.is_error]
    mark = services.registry.mark
    try:
        entries = services.extractor.entries(resource, base=services.base)
        labels = services.extractor.labels(resource)
        served = not (faults or own_parameters.faults(resource, services.registry))
    except (AttributeError, KeyError, TypeError, ValueError, IndexError):
        # The index reads what it knows to be a resource; most of what breaks R4's rules it can read all the same.
        reason = faults[0].message if faults else "its elements are not those of its type."
        raise PackageError(f"The entry {artifact.entry} is no {artifact.type} that can be kept: {reason}") from None
    return Ready(
        label=label,
        key=key,
        packed=zlib.compress(draft(resource), 1),
        entries=entries,
        labels=labels,
        mark=mark,
        served=served,
        fault=f"{artifact.entry}: {faults[0].message}" if faults else "",
    )


async def put(tx: Transaction, definition: Ready) -> str:
    """Put a definition, unless it is there already; return what keeps searches from using it, "" when nothing does."""
    key = definition.key
    before = await tx.read(key, restriction=ALL)
    number = before.number + 1 if before else 1
    content = zlib.decompress(definition.packed)
    body = stamped(content, *key, number, instant(tx.time))
    if before is not None and not before.deleted and before.body.endswith(content):
        return ""
    version = await tx.put(NewVersion(key, number, "PUT", AUTHOR, body, labels=definition.labels), definition.entries)
    return await _serve(tx, definition, version)


async def _serve(tx: Transaction, definition: Ready, version: Version) -> str:
    if definition.key.type != own_parameters.TYPE:
        return ""
    if not definition.served:
        return f"{'/'.join(definition.key)} cannot be searched by: it is kept as a document."
    try:
        await own_parameters.note(tx, version)
    except Unprocessable as refusal:
        return f"{'/'.join(definition.key)} is kept as a document: {refusal}"
    return ""


def tagged(resource: dict[str, Any], label: str) -> dict[str, Any]:
    """Return a resource with the tag that names the package `label`; the input is not changed."""
    meta = resource.get("meta")
    meta = dict(meta) if isinstance(meta, dict) else {}
    tags = meta.get("tag")
    others = [each for each in tags if each != _tag(label)] if isinstance(tags, list) else []
    return resource | {"meta": meta | {"tag": [*others, _tag(label)]}}


def _tag(label: str) -> dict[str, str]:
    return {"system": TAG, "code": label}
