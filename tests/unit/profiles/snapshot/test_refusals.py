"""What has no snapshot: each refusal names the element and the rule."""

from __future__ import annotations

from typing import Any

import pytest

from profiles.snapshot.errors import SnapshotError
from tests.unit.profiles.snapshot.definitions import MINE, R4, generated, profile

BINDING = {"strength": "preferred", "valueSet": "http://example.org/vs"}
PATIENTS = {"code": "Reference", "targetProfile": [R4 + "Patient"]}


@pytest.mark.parametrize(
    ("rule", "element"),
    [
        ("cardinality", {"path": "Patient.name", "min": 2, "max": "1"}),
        ("cardinality", {"path": "Patient.gender", "max": "2"}),
        ("cardinality", {"path": "Patient.communication.language", "min": 0}),
        ("cardinality", {"path": "Patient.gender", "max": "many"}),
        ("type", {"path": "Patient.gender", "type": [{"code": "Quantity"}]}),
        ("target", {"path": "Patient.managingOrganization", "type": [PATIENTS]}),
        ("element-unknown", {"path": "Patient.surname"}),
        ("element-unknown", {"path": "Observation.status"}),
        ("binding", {"path": "Patient.gender", "binding": BINDING}),
        ("slicing", {"path": "Patient.name", "sliceName": "usual"}),
        ("element-malformed", {"path": "Patient.name", "type": [1]}),
        ("too-large", {"path": "Patient" + ".extension" * 70}),
        ("too-large", {"path": "Patient.name", "condition": ["x"] * 2_000}),
    ],
)
def test_a_contradiction_is_refused(rule: str, element: dict[str, Any]) -> None:
    with pytest.raises(SnapshotError) as refused:
        generated(profile("Patient", element))
    assert refused.value.rule == rule
    assert refused.value.element.startswith(element["path"][:200].replace(":usual", ""))
    assert refused.value.url == MINE + "p"


def test_a_fixed_value_stays() -> None:
    first = profile("Patient", {"path": "Patient.gender", "fixedCode": "male"}, name="first")
    second = profile("Patient", {"path": "Patient.gender", "fixedCode": "female"}, base=MINE + "first")
    with pytest.raises(SnapshotError, match="fixed another value"):
        generated(second, first)


def test_a_closed_slicing_takes_no_new_slice() -> None:
    slicing = {"discriminator": [{"type": "value", "path": "system"}], "rules": "closed"}
    sliced = {"path": "Patient.identifier", "slicing": slicing}
    first = profile("Patient", sliced, {"path": "Patient.identifier", "sliceName": "a"}, name="first")
    second = profile("Patient", {"path": "Patient.identifier", "sliceName": "b"}, base=MINE + "first")
    with pytest.raises(SnapshotError, match="closed the slicing"):
        generated(second, first)


def test_circles_are_refused() -> None:
    first, second = profile("Patient", base=MINE + "b", name="a"), profile("Patient", base=MINE + "a", name="b")
    with pytest.raises(SnapshotError) as refused:
        generated(first, first, second)
    assert refused.value.rule == "base-circular"


def test_a_type_profile_that_looks_into_itself_is_refused() -> None:
    entry = {"code": "Extension", "profile": [MINE + "p"]}
    outer = {"path": "Extension.extension", "sliceName": "x", "type": [entry]}
    circular = profile("Extension", outer, {"path": "Extension.extension.url", "fixedUri": "x"})
    with pytest.raises(SnapshotError) as refused:
        generated(circular, circular)
    assert (refused.value.rule, refused.value.element) == ("base-circular", "Extension.extension:x.url")


def test_missing_bases_and_logical_models_are_refused() -> None:
    for definition, rule in (
        (profile("Patient", base="http://no.where"), "base-missing"),
        (profile("Observation", base=R4 + "Patient"), "type-mismatch"),
        (profile("Patient", kind="logical"), "not-supported"),
    ):
        with pytest.raises(SnapshotError) as refused:
            generated(definition)
        assert refused.value.rule == rule


def test_size_is_bounded() -> None:
    many = [{"path": "Patient.name", "sliceName": f"s{number}"} for number in range(100_000)]
    with pytest.raises(SnapshotError, match="more than 20000 elements"):
        generated(profile("Patient", *many))
    slicing = {"discriminator": [{"type": "value", "path": "code"}], "rules": "open"}
    sliced = {"path": "Observation.component", "slicing": slicing}
    wide = [{"path": "Observation.component", "sliceName": f"s{number}"} for number in range(19_000)]
    with pytest.raises(SnapshotError, match="on the way to the snapshot"):
        generated(profile("Observation", sliced, *wide))
