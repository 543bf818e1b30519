"""Whatever stands in a query string, the answer is a tree or a refusal that names the parameter: never a fault."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import BadRequest
from tests.fakes.searching import REGISTRY, parsed

TYPES = ("Patient", "Observation", "Location", "ValueSet", "Group", "QuestionnaireResponse", "RiskAssessment", "List")
CODES = sorted({code for each in TYPES for code in REGISTRY.all_for(each)})
LINKS = (
    ".",
    ":",
    ":missing",
    ":not",
    ":in",
    ":below",
    ":above",
    ":of-type",
    ":text",
    ":identifier",
    ":Patient",
    "_has:",
)
MARKS = (
    *("|", "$", ",", "\\", '"', "*", "(", ")", " and ", " or ", "not ", " eq ", " co ", "[", "].", "-", ".", "e9", ":"),
    *(
        "gt",
        "ap",
        "2020",
        "-02-30",
        "T10:00",
        "5.4",
        "http://unitsofmeasure.org",
        "mg",
        "Patient/1",
        "Observation:subject",
    ),
    *("urn:oid:1", "http://example.org/", "/_history/", "true", "AND", "OR", "NOT", "٣", "\x00", "\ud800", "é", ""),
)
SPECIALS = (
    "_type",
    "_sort",
    "_include",
    "_include:iterate",
    "_revinclude",
    "_count",
    "_filter",
    "_list",
    "_text",
    "_has",
)

names = st.lists(st.sampled_from((*CODES, *LINKS, *TYPES)), min_size=1, max_size=6).map("".join)
values = st.lists(st.sampled_from((*MARKS, *CODES, *TYPES)) | st.text(max_size=5), max_size=8).map("".join)


@given(
    st.sampled_from((*TYPES, ("Patient", "Observation"))),
    st.lists(st.tuples(names | st.sampled_from((*SPECIALS, *CODES)) | st.text(max_size=8), values), max_size=3),
    st.booleans(),
)
def test_any_input_is_read_or_refused(
    types: str | tuple[str, ...], parameters: list[tuple[str, str]], lenient: bool
) -> None:
    try:
        found = parsed(types, *parameters, lenient=lenient)
    except BadRequest as refused:
        findings = refused.issues
    else:
        assert {name for name, _ in found.applied} <= {name for name, _ in parameters}
        findings = found.warnings
    assert all(issue.expression is not None and issue.message for issue in findings)
