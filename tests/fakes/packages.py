"""Hand-made FHIR packages: entries, and the .tgz of them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]
Entries = list[tuple[str, bytes]]
URL = "http://example.org/fhir"


def manifest(name: str = "org.example.guide", version: str = "1.0.0", **more: Any) -> Json:
    made: Json = {"name": name, "version": version, "fhirVersions": ["4.0.1"]}
    return made | {"dependencies": {"hl7.fhir.r4.core": "4.0.1"}} | more


def value_set(name: str, version: str = "1.0.0", **more: Any) -> Json:
    url = f"{URL}/ValueSet/{name}"
    return {"resourceType": "ValueSet", "id": name, "url": url, "version": version, "status": "active"} | more


def colours(name: str, *codes: str, version: str = "1.0.0") -> Json:
    """Return a value set of these codes."""
    concept = [{"code": code} for code in codes]
    compose = {"include": [{"system": "http://example.org/colours", "concept": concept}]}
    return value_set(name, version, compose=compose)


def profile(name: str = "our-patient", version: str = "1.0.0", **more: Any) -> Json:
    made: Json = {"resourceType": "StructureDefinition", "id": name, "url": f"{URL}/StructureDefinition/{name}"}
    made |= {"version": version, "name": "OurPatient", "status": "active", "kind": "resource", "abstract": False}
    made |= {"type": "Patient", "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient"}
    made |= {"derivation": "constraint", "differential": {"element": [{"id": "Patient", "path": "Patient"}]}}
    return made | more


def guide(version: str = "1.0.0") -> Json:
    made: Json = {"resourceType": "ImplementationGuide", "id": "guide", "url": f"{URL}/ImplementationGuide/guide"}
    made |= {"version": version, "name": "Guide", "status": "active", "packageId": "org.example.guide"}
    return made | {"fhirVersion": ["4.0.1"]}


def entries(*resources: Json, about: Json | None = None) -> Entries:
    """Return the entries of a package of these resources, each in a file of its own."""
    found = [("package/package.json", json.dumps(about or manifest()).encode())]
    for number, each in enumerate(resources):
        found.append((f"package/{each['resourceType']}-{number}.json", json.dumps(each).encode()))
    return found


def tgz(content: Iterable[tuple[str, bytes]], *others: tarfile.TarInfo) -> bytes:
    """Return the .tgz of these entries; `others` come behind them, without content."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, data in content:
            info = tarfile.TarInfo(path)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info in others:
            archive.addfile(info)
    return gzip.compress(packed.getvalue())
