"""What a package is read as, and each way in which one is refused whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from profiles.packages.package import PackageError, PackageLimits
from profiles.packages.read_package import read_package
from profiles.packages.sources import parts_of
from tests.fakes.packages import URL, colours, entries, guide, manifest, profile, value_set


def test_a_package_is_its_manifest_its_definitions_and_its_examples() -> None:
    example = ("package/example/Patient-a.json", b'{"resourceType":"Patient","id":"a"}')
    package = read_package([*reversed(entries(guide(), profile())), example, ("package/other/x.json", b"not read")])
    assert package.manifest.label == "org.example.guide#1.0.0"
    assert package.manifest.dependencies == {"hl7.fhir.r4.core": "4.0.1"}
    assert [each.canonical for each in package.definitions] == [
        f"{URL}/ImplementationGuide/guide|1.0.0",
        f"{URL}/StructureDefinition/our-patient|1.0.0",
    ]
    assert [each.entry for each in package.examples] == ["package/example/Patient-a.json"]
    assert json.loads(package.definitions[1].text) == profile()


def test_what_it_rests_on_is_told_but_not_what_it_brings_itself() -> None:
    bound = {"path": "Patient.gender", "binding": {"strength": "required", "valueSet": f"{URL}/ValueSet/a"}}
    other = {"path": "Patient.link", "binding": {"strength": "required", "valueSet": f"{URL}/ValueSet/b|2"}}
    package = read_package(entries(profile(differential={"element": [bound, other]}), value_set("a")))
    assert set(package.needs) == {f"{URL}/ValueSet/b|2", "http://hl7.org/fhir/StructureDefinition/Patient"}


def test_the_same_definition_twice_is_taken_once() -> None:
    package = read_package(entries(value_set("a"), value_set("a")))
    assert len(package.definitions) == 1
    assert package.warnings == ("package/ValueSet-1.json repeats package/ValueSet-0.json; it is taken once.",)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("../evil.json", "leads out of the package"),
        ("package/../../evil.json", "leads out of the package"),
        ("package\\evil.json", "leads out of the package"),
        ("/etc/passwd", "absolute path"),
        ("C:/evil.json", "absolute path"),
        ("package//a.json", "no proper path"),
        ("package/a\x00.json", "no proper path"),
        ("package/" + "a" * 300, "no proper path"),
        ("package/package.json", "there twice"),
    ],
)
def test_a_path_that_leads_elsewhere_refuses_the_package(path: str, says: str) -> None:
    with pytest.raises(PackageError, match=says):
        read_package([*entries(), (path, b"{}")])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{", "package/ValueSet-x.json cannot be read"),
        (b'{"a":1,"a":2}', "package/ValueSet-x.json cannot be read"),
        (b'{"resourceType":"ValueSet","compose":' + b"[" * 300 + b"]" * 300 + b"}", "cannot be read"),
        (b"[]", "package/ValueSet-x.json is no JSON object"),
        (b'{"resourceType":"Martian"}', "resourceType that FHIR R4 does not have"),
        (b'{"resourceType":"ValueSet","url":7}', "has a url that FHIR does not allow"),
    ],
)
def test_content_that_is_no_resource_refuses_the_package(content: bytes, says: str) -> None:
    with pytest.raises(PackageError, match=says):
        read_package([*entries(), ("package/ValueSet-x.json", content)])


def test_two_different_definitions_of_one_canonical_contradict_each_other() -> None:
    with pytest.raises(PackageError, match=r"package/ValueSet-0\.json and package/ValueSet-1\.json contradict"):
        read_package(entries(colours("a", "red"), colours("a", "blue")))


def test_an_index_that_says_something_else_contradicts_the_resource() -> None:
    row = {"filename": "ValueSet-0.json", "resourceType": "CodeSystem"}
    index = ("package/.index.json", json.dumps({"index-version": 2, "files": [row]}).encode())
    with pytest.raises(PackageError, match=r"contradicts the entry package/ValueSet-0\.json: its resourceType"):
        read_package([*entries(value_set("a")), index])


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"fhirVersions": ["4.3.0"]}, r"4\.3\.0 \(R4B\)"),
        ({"fhirVersions": ["5.0.0"]}, r"5\.0\.0 \(R5\)"),
        ({"fhirVersions": [], "dependencies": {"hl7.fhir.r5.core": "5.0.0"}}, r"hl7\.fhir\.r5\.core"),
        ({"name": "../x"}, "no name"),
        ({"version": 7}, "no version"),
        ({"dependencies": ["a"]}, "dependencies must be an object"),
        ({"sourcePackages": ["a"]}, "list of name#version"),
    ],
)
def test_a_manifest_that_cannot_be_refuses_the_package(more: dict[str, Any], says: str) -> None:
    with pytest.raises(PackageError, match=says):
        read_package(entries(about=manifest(**more)))


def test_a_package_without_manifest_is_none() -> None:
    with pytest.raises(PackageError, match=r"There is no package/package\.json"):
        read_package(entries(value_set("a"))[1:])


@pytest.mark.parametrize(
    "limits", [PackageLimits(entries=2), PackageLimits(entry_bytes=150), PackageLimits(total_bytes=300)]
)
def test_a_package_beyond_a_limit_is_refused_at_the_entry_that_passes_it(limits: PackageLimits) -> None:
    with pytest.raises(PackageError, match=r"package/\w+-\d\.json"):
        read_package(entries(value_set("a"), value_set("b"), profile()), limits=limits)


def test_a_combined_package_is_installed_as_its_sources() -> None:
    sources = ["org.example.guide#2.0.0", "hl7.terminology.r4#7.1.0", "fr.somebody.codes#1"]
    foreign = value_set("x", url="http://terminology.hl7.org/ValueSet/x", version="3")
    left = value_set("y", url="https://mos.example.fr/y", version="9")
    about = manifest(version="0.1.0", sourcePackages=sources)
    parts = parts_of(read_package(entries(value_set("own", "2.0.0"), foreign, left, about=about)))
    assert [(part.label, [each.id for each in part.definitions]) for part in parts] == [
        ("org.example.guide#2.0.0", ["own"]),
        ("hl7.terminology.r4#7.1.0", ["x"]),
        ("fr.somebody.codes#1", ["y"]),
    ]
    assert not any(part.whole for part in parts)
