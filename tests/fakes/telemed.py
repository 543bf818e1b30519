"""Our own profiles without a store: a judge that knows them, and those of FR Core where a test has them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fhir_server.interactions.judging import ProfileJudge
from fhir_server.model.fhir_json import parse
from fhir_server.packages.archive import open_package
from profiles.packages.catalogue import TYPES, Catalogue
from profiles.packages.package import Package
from profiles.packages.telemed import telemed
from profiles.validation.validator import Validator
from tests.fakes.shared import SHARED_DATA

Json = dict[str, Any]
BASE = "urn:fhir-health-server:telemed"
GOOD = Path(__file__).parents[1] / "conformance" / "telemed" / "good"
NAMES = tuple(sorted(path.stem for path in GOOD.glob("*.json")))


def good(name: str) -> Json:
    """Return a good example."""
    found: Json = parse((GOOD / f"{name}.json").read_bytes())
    return found


def plain(name: str) -> Json:
    """Return a good example for whoever wants floats."""
    found: Json = json.loads((GOOD / f"{name}.json").read_bytes())
    return found


def profile_of(name: str) -> str:
    """Return the profile that a good example claims first."""
    return str(good(name)["meta"]["profile"][0])


def known(*packages: Package) -> Catalogue:
    """Return a catalogue of our own package and these."""
    catalogue = Catalogue()
    for package in (telemed(), *packages):
        for each in package.definitions:
            if each.type in TYPES:
                catalogue.keep(f"{package.manifest.label}/{each.entry}", parse(each.text), each.text)
    return catalogue


def judge(catalogue: Catalogue) -> ProfileJudge:
    """Return who judges by the profiles of `catalogue`."""
    return ProfileJudge(catalogue, Validator())


def france() -> Iterable[Package]:
    """Return FR Core with the terminology that it binds."""
    return [open_package(SHARED_DATA / "french" / "packages" / "hl7.fhir.fr.core-2.2.0-combined.tgz")]
