"""The official R4 examples are the same after JSON, and after XML."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from typing import Any

from lxml import etree

from fhir_server.model.fhir_json import encode, encode_pretty, parse, parse_stored
from fhir_server.model.fhir_xml import encode_xml, parse_xml
from fhir_server.model.reference import links, localize, rewrite
from fhir_server.model.summary import elements, summarize
from tests.fakes.shared import SHARED_DATA, needs_shared_data, r4_examples, synthea_bundles

pytestmark = needs_shared_data


def spelled(body: bytes) -> Any:
    """Return JSON with members in their order and every number as it is spelled."""
    return json.loads(
        body, parse_int=lambda t: ("number", t), parse_float=lambda t: ("number", t), object_pairs_hook=list
    )


def test_json_comes_out_as_it_went_in_number_by_number() -> None:
    count = 0
    with gzip.open(SHARED_DATA / "r4-examples" / "r4-examples-dev.ndjson.gz") as lines:
        for line in lines:
            value = parse(line)
            assert spelled(encode(value)) == spelled(line)
            assert spelled(encode_pretty(value)) == spelled(line)
            assert parse_stored(encode(value)) == value
            count += 1
    assert count == 451


def test_synthea_bundles_come_out_as_they_went_in() -> None:
    for path in sorted((SHARED_DATA / "synthea-dev").glob("s-*.json.gz"))[:3]:
        body = gzip.decompress(path.read_bytes())
        assert spelled(encode(parse(body))) == spelled(body)


def exact(value: Any) -> Any:
    """Return a value with numbers told apart to the digit and narratives as canonical XML."""
    if isinstance(value, dict):
        return {
            name: etree.tostring(etree.fromstring(each), method="c14n2") if name == "div" else exact(each)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [exact(each) for each in value]
    return (type(value), value.as_tuple() if isinstance(value, Decimal) else value)


def test_every_example_is_the_same_after_xml() -> None:
    for resource in r4_examples():
        written = encode_xml(resource)
        again = parse_xml(written)
        assert exact(again) == exact(resource), (resource["resourceType"], resource["id"])
        assert encode_xml(again) == written
        assert exact(parse_xml(encode_xml(resource, pretty=True))) == exact(resource)


def test_a_whole_bundle_of_synthea_is_the_same_after_xml() -> None:
    bundle = next(synthea_bundles("s-*.json.gz"))
    assert exact(parse_xml(encode_xml(bundle))) == exact(bundle)


def test_references_of_every_example_are_walked_without_loss() -> None:
    for resource in r4_examples():
        assert all(isinstance(found.text, str) for found in links(resource))
        assert rewrite(resource, lambda text: None) is resource
        assert localize(resource, "http://server.example/fhir") is resource


def test_every_full_url_of_a_transaction_is_rewritten() -> None:
    bundle = next(synthea_bundles("s-*.json.gz"))
    ids = {each["fullUrl"]: f"{each['resource']['resourceType']}/{n}" for n, each in enumerate(bundle["entry"])}
    before = sum(encode(each["resource"]).count(b'"urn:uuid:') for each in bundle["entry"])
    after = [rewrite(each["resource"], ids.get) for each in bundle["entry"]]
    assert before > 500
    assert sum(encode(each).count(b'"urn:uuid:') for each in after) == 0


def test_every_summary_of_every_example_keeps_its_identity() -> None:
    for resource in r4_examples():
        for part in (*(summarize(resource, mode) for mode in ("true", "text", "data")), elements(resource, ["id"])):
            assert part["id"] == resource["id"]
            assert part["meta"]["tag"][-1]["code"] == "SUBSETTED"
            assert (
                part.items() <= {**resource, "meta": part["meta"]}.items()
                or part["resourceType"] == resource["resourceType"]
            )
            assert set(part) <= {*resource, "meta"}
            # A summary is FHIR like any other: it has an XML form.
            assert parse_xml(encode_xml(part))["id"] == resource["id"]
