"""package.json of a FHIR NPM package: who it is, for which FHIR, and what it depends on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from profiles.packages.core import NAME
from profiles.packages.package import Manifest, PackageError

ENTRY = "package/package.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,213}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_RELEASES = (("4.0", "R4"), ("4.1", "R4B"), ("4.3", "R4B"), ("5.", "R5"), ("4.", "R5"), ("6.", "R6"), ("3.", "STU3"))
_CORE = re.compile(r"hl7\.fhir\.r\w+\.core")
_OLDER = (("1.", "DSTU2"), ("0.", "DSTU1"))


def read_manifest(content: Any) -> Manifest:
    """Return what the parsed package.json says. Raises PackageError, for a package of another FHIR release too."""
    if not isinstance(content, Mapping):
        raise PackageError(f"{ENTRY} must be a JSON object.")
    name, version = _word(content, "name", _NAME), _word(content, "version", _VERSION)
    manifest = Manifest(
        name=name,
        version=version,
        title=_text(content, "title"),
        canonical=_text(content, "canonical"),
        fhir_versions=tuple(_fhir_versions(content)),
        dependencies=_dependencies(content),
        sources=tuple(_sources(content)),
    )
    _check_release(manifest)
    return manifest


def split_label(text: str) -> tuple[str, str]:
    """Return name and version of `name#version`; the version is "" where there is none. Raises PackageError."""
    name, _, version = text.partition("#")
    if not _NAME.fullmatch(name) or (version and not _VERSION.fullmatch(version)):
        raise PackageError(
            f"{text[:100]!r} is no package: write its name, or name#version, as in hl7.fhir.fr.core#2.2.0."
        )
    return name, version


def release_of(version: str) -> str:
    """Return what people call a FHIR version: R4 of 4.0.1."""
    return next((name for start, name in (*_RELEASES, *_OLDER) if version.startswith(start)), "an unknown release")


def _check_release(manifest: Manifest) -> None:
    stated = manifest.fhir_versions
    if not stated:
        names = manifest.dependencies or {}
        others = [name for name in names if _CORE.fullmatch(name) and name != NAME]
        if others and NAME not in names:
            raise PackageError(f"{manifest.label} depends on {others[0]}: this server is FHIR R4 (4.0.1).")
        return
    if not any(release_of(each) == "R4" for each in stated):
        said = ", ".join(f"{each[:20]} ({release_of(each)})" for each in stated[:5])
        raise PackageError(
            f"{manifest.label} is for FHIR {said}: this server is FHIR R4 (4.0.1). Take the package's edition for R4."
        )


def _word(content: Mapping[str, Any], key: str, allowed: re.Pattern[str]) -> str:
    value = content.get(key)
    if not isinstance(value, str) or not allowed.fullmatch(value):
        raise PackageError(f"{ENTRY} has no {key} that a package can have: letters, digits, '.', '-' and '_'.")
    return value


def _text(content: Mapping[str, Any], key: str) -> str:
    value = content.get(key)
    return value if isinstance(value, str) else ""


def _fhir_versions(content: Mapping[str, Any]) -> Iterator[str]:
    for key in ("fhirVersions", "fhir-version-list", "fhirVersion"):
        value = content.get(key, [])
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, str):
                raise PackageError(f"{ENTRY}: {key} must be a list of versions such as 4.0.1.")
            yield each


def _dependencies(content: Mapping[str, Any]) -> Mapping[str, str]:
    value = content.get("dependencies") or {}
    if not isinstance(value, Mapping):
        raise PackageError(f"{ENTRY}: dependencies must be an object of names and versions.")
    for name, version in value.items():
        if not _NAME.fullmatch(name) or not isinstance(version, str) or len(version) > 100:
            raise PackageError(f"{ENTRY}: a dependency is a package name with a version, unlike {name[:100]!r}.")
    return dict(value)


def _sources(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    value = content.get("sourcePackages") or []
    for each in value if isinstance(value, list) else [value]:
        name, version = split_label(each) if isinstance(each, str) else ("", "")
        if not version:
            raise PackageError(f"{ENTRY}: sourcePackages must be a list of name#version.")
        yield name, version
