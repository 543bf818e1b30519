"""FR Core: its installation, validation against one of its profiles, and its rules against `fhirpathpy`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fhir_server.interactions.judging import ProfileJudge
from fhir_server.packages.archive import open_package
from profiles.packages.catalogue import Catalogue
from profiles.validation.validator import Validator
from tests.benchmarks.fhirpath_rules import fhirpath_rules, seconds
from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import REPOSITORY
from tests.fakes.shared import SHARED_DATA, parse

PACKAGE = SHARED_DATA / "french" / "packages" / "hl7.fhir.fr.core-2.2.0-combined.tgz"
PROFILE = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-patient"
EXAMPLE = SHARED_DATA / "french" / "frcore" / "Patient-FRCorePatientExample.json"
SECONDS, MEGABYTES = 20, 200
INSTALL = """
import sys
from fhir_server.cli import app
try:
    app(["package", "add", sys.argv[1], "--store", sys.argv[2]])
finally:
    line = next(each for each in open("/proc/self/status") if each.startswith("VmHWM:"))
    print("PEAK", int(line.split()[1]) / 1024)
"""


def measure() -> list[Figure]:
    """Return the figures."""
    return [_install(), *_judged()]


def _install() -> Figure:
    with tempfile.TemporaryDirectory() as name:
        arguments = [sys.executable, "-c", INSTALL, str(PACKAGE), f"sqlite:///{name}/fhir.db"]
        started = time.perf_counter()
        told = subprocess.run(arguments, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
        seconds = time.perf_counter() - started
        size = sum(each.stat().st_size for each in Path(name).iterdir()) / 1e6
    peak = float(told.rpartition("PEAK")[2])
    return Figure(
        "package add: FR Core 2.2.0 with its terminologies",
        f"{seconds:.1f} s, {peak:.0f} MB of memory, {size:.0f} MB on disk",
        f"under {SECONDS} s and {MEGABYTES} MB",
        seconds < SECONDS and peak < MEGABYTES,
    )


def _judged() -> list[Figure]:
    catalogue = Catalogue()
    package = open_package(PACKAGE)
    for each in package.definitions:
        if each.type in ("StructureDefinition", "ValueSet", "CodeSystem"):
            catalogue.keep(each.entry, parse(each.text), each.text)
    validator = Validator()
    judge = ProfileJudge(catalogue, validator)
    resource = parse(EXAMPLE.read_bytes())

    def judged() -> object:
        return [*validator.validate(resource), *judge(resource, [PROFILE], False)]

    errors = [f"{each.code} {each.expression}" for each in judge(resource, [PROFILE], False) if each.is_error]
    if errors:
        raise RuntimeError(f"the example of FR Core conforms to it: {errors}")
    spent = 1000 * seconds(judged, 50)
    work = "base and FR Core profile of a Patient (slices, invariants)"
    definitions = [parse(each.text) for each in package.definitions if each.type == "StructureDefinition"]
    examples = [parse(each.read_bytes()) for each in sorted(EXAMPLE.parent.glob("*.json"))]
    return [
        Figure(work, f"{spent:.2f} ms of processor", "under 1 ms", spent < 1),
        fhirpath_rules(examples, definitions),
    ]
