"""FHIR XML both ways: the shapes of the standard's XML page, and what is refused where."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fhir_server.errors import ParseFailed, Unprocessable
from fhir_server.model.fhir_xml import FHIR, encode_xml, parse_xml

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">'


def xml(content: str, type: str = "Patient") -> bytes:
    return f'<{type} xmlns="http://hl7.org/fhir">{content}</{type}>'.encode()


CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("Patient", "", {}),
    ("Patient", '<active value="true"/>', {"active": True}),
    ("Patient", '<multipleBirthInteger value="2"/>', {"multipleBirthInteger": 2}),
    ("Patient", '<birthDate value="1970-03-30"/>', {"birthDate": "1970-03-30"}),
    ("Patient", '<birthDate id="a"/>', {"_birthDate": {"id": "a"}}),
    (
        "Patient",
        '<birthDate value="1970" id="a"><extension url="http://x"><valueCode value="b"/></extension></birthDate>',
        {"birthDate": "1970", "_birthDate": {"id": "a", "extension": [{"url": "http://x", "valueCode": "b"}]}},
    ),
    (
        "Patient",
        '<name id="n"><given value="a"/><given id="g"/><given value="b"/></name><name><family value="f"/></name>',
        {"name": [{"id": "n", "given": ["a", None, "b"], "_given": [None, {"id": "g"}, None]}, {"family": "f"}]},
    ),
    ("Patient", '<name><given id="g"/></name>', {"name": [{"_given": [{"id": "g"}]}]}),
    (
        "Patient",
        f'<text><status value="generated"/>{DIV}a<br/><b class="x">b</b> &lt; <p></p></div></text>',
        {"text": {"status": "generated", "div": f'{DIV}a<br/><b class="x">b</b> &lt; <p></p></div>'}},
    ),
    (
        "Observation",
        '<valueQuantity><value value="1.10"/></valueQuantity>'
        '<component><valueQuantity><value value="1E-7"/></valueQuantity></component>',
        {
            "valueQuantity": {"value": Decimal("1.10")},
            "component": [{"valueQuantity": {"value": Decimal("1E-7")}}],
        },
    ),
    (
        "Bundle",
        '<type value="collection"/><entry><resource><Basic><id value="1"/></Basic></resource></entry>',
        {"type": "collection", "entry": [{"resource": {"resourceType": "Basic", "id": "1"}}]},
    ),
    (
        "Parameters",
        '<parameter><name value="p"/><part><name value="q"/><resource><Basic/></resource></part></parameter>',
        {"parameter": [{"name": "p", "part": [{"name": "q", "resource": {"resourceType": "Basic"}}]}]},
    ),
    (
        "Patient",
        '<contained><Basic><id value="1"/></Basic></contained><contained><Basic><id value="2"/></Basic></contained>',
        {"contained": [{"resourceType": "Basic", "id": "1"}, {"resourceType": "Basic", "id": "2"}]},
    ),
    (
        "Basic",
        '<code><text value=" a&#10;b&#9;&quot;&lt;&amp;&gt;é&#13; "/></code>',
        {"code": {"text": ' a\nb\t"<&>é\r '}},
    ),
    (
        "Questionnaire",
        '<item><linkId value="1"/><item><linkId value="2"/><initial><valueDecimal value="0.00"/></initial>'
        "</item></item>",
        {"item": [{"linkId": "1", "item": [{"linkId": "2", "initial": [{"valueDecimal": Decimal("0.00")}]}]}]},
    ),
]


@pytest.mark.parametrize(("type", "content", "expected"), CASES)
def test_xml_and_json_say_the_same(type: str, content: str, expected: dict[str, Any]) -> None:
    parsed = parse_xml(xml(content, type))
    assert parsed == {"resourceType": type, **expected}
    written = encode_xml(parsed)
    assert parse_xml(written) == parsed
    assert written.split(b"?>")[1] in (xml(content, type), xml("", type).replace(b"></" + type.encode() + b">", b"/>"))


def test_decimals_keep_their_digits() -> None:
    for text in ("1.10", "0.00", "-0.0", "100", "12345678901234567890.1234567890"):
        body = xml(f'<valueQuantity><value value="{text}"/></valueQuantity>', "Observation")
        assert f'value="{text}"'.encode() in encode_xml(parse_xml(body))
    whole = parse_xml(xml('<valueQuantity><value value="100"/></valueQuantity>', "Observation"))
    assert type(whole["valueQuantity"]["value"]) is int


def test_white_space_around_values_counts_in_strings_only() -> None:
    parsed = parse_xml(xml('<active value=" true "/><name><text value=" a "/></name><birthDate value=" 1970 "/>'))
    assert parsed == {"resourceType": "Patient", "active": True, "name": [{"text": " a "}], "birthDate": "1970"}


def test_comments_instructions_prefixes_and_schema_locations_mean_nothing() -> None:
    body = b"""<?xml version="1.0" encoding="UTF-8"?>
      <!-- a --><?xml-stylesheet href="http://example.org/x.xsl"?>
      <f:Patient xmlns:f="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
          xsi:schemaLocation="http://hl7.org/fhir ../patient.xsd">
        <!-- b --><f:active value="true"><!-- c --></f:active><?php x ?>
        <f:text><f:status value="generated"/><h:div xmlns:h="http://www.w3.org/1999/xhtml">x<!-- d --></h:div></f:text>
      </f:Patient>""".replace(b'<f:active value="true"><!-- c --></f:active>', b"")
    assert parse_xml(body) == {
        "resourceType": "Patient",
        "text": {"status": "generated", "div": f"{DIV}x<!-- d --></div>"},
    }
    assert parse_xml(b"\xef\xbb\xbf" + xml("<active value='true'><!-- c --></active>"))["active"] is True


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<Patient/>", "namespace"),
        (b'<Patient xmlns="http://hl7.org/fhir/r5"/>', "namespace"),
        (b'<Nothing xmlns="http://hl7.org/fhir"/>', "not a resource"),
        (b'<HumanName xmlns="http://hl7.org/fhir"/>', "not a resource"),
        (xml("\n<nothing/>"), r"has no element nothing \(line 2\)"),
        (xml('<name><nothing value="1"/></name>'), r"Patient\.name\[0\] has no element nothing"),
        (xml('<x:name xmlns:x="http://x"/>'), "namespace"),
        (xml('<name use="x"/>'), r"Patient\.name\[0\] has an attribute"),
        (xml('<active value="true" x:y="1" xmlns:x="http://x"/>'), r"Patient\.active has an attribute"),
        (xml("<active>true</active>"), "value"),
        (xml("text"), "holds text"),
        (xml('<active value="true"/>text'), "holds text"),
        (xml('<name><family value="a">text</family></name>'), "holds text"),
        (xml('<active value="yes"/>'), "true or false"),
        (xml('<active value=""/>'), "empty attribute value"),
        (xml("<active/>"), "neither a value nor an extension"),
        (xml("<name/>"), r"Patient\.name\[0\] is empty"),
        (xml('<active value="true"/><active value="true"/>'), "appears twice"),
        (xml('<gender value="male"/><name><text value="x"/></name>'), "comes after gender"),
        (xml('<deceasedBoolean value="true"/><deceasedDateTime value="2020"/>'), "second choice"),
        (xml('<multipleBirthInteger value="1.0"/>'), "whole number"),
        (xml('<multipleBirthInteger value="' + "1" * 41 + '"/>'), "whole number"),
        (xml("<contained/>"), "exactly one resource"),
        (xml("<contained><Basic/><Basic/></contained>"), "exactly one resource"),
        (xml("<contained><nothing/></contained>"), "not a resource"),
        (xml("<contained>x<Basic/></contained>"), "holds text"),
        (xml("<text><status value='generated'/><div>x</div></text>"), "namespace http://www.w3.org/1999/xhtml"),
        (xml(f"<text><status value='generated'/>{DIV}<x xmlns='http://x'/></div></text>"), "outside the namespace"),
        (
            xml(f"<text><status value='generated'/>{DIV}<b x:y='1' xmlns:x='http://x'/></div></text>"),
            "foreign namespace",
        ),
        (xml("<id id='a' value='b'/><extension><url value='x'/></extension>"), "has no element url"),
    ],
)
def test_what_is_not_fhir_xml_is_refused_with_its_place(body: bytes, words: str) -> None:
    with pytest.raises(ParseFailed, match=words):
        parse_xml(body)


@pytest.mark.parametrize("text", ["+1", "01", "1.", ".5", "NaN", "INF", "1e401", "1" * 41, "1,5", "0x1", "١"])
def test_what_is_not_a_decimal_is_refused(text: str) -> None:
    with pytest.raises(ParseFailed, match=r"Observation\.valueQuantity\.value must be a decimal"):
        parse_xml(xml(f'<valueQuantity><value value="{text}"/></valueQuantity>', "Observation"))


def test_xml_may_not_nest_deeper_than_its_json_could() -> None:
    def nested(levels: int) -> bytes:
        return xml('<extension url="u">' * levels + '<valueCode value="x"/>' + "</extension>" * levels)

    assert parse_xml(nested(99))["extension"]
    with pytest.raises(ParseFailed, match="deeper than 200"):
        parse_xml(nested(101))
    with pytest.raises(ParseFailed, match="too deep"):
        parse_xml(nested(300))


def test_pretty_xml_leaves_the_narrative_as_it_is() -> None:
    resource = {
        "resourceType": "Patient",
        "text": {"status": "generated", "div": f"{DIV}<p>a <b>b</b></p>\n<p>c</p></div>"},
        "active": True,
    }
    text = encode_xml(resource, pretty=True).decode()
    assert "\n  <text>\n    <status" in text
    assert "<p>a <b>b</b></p>\n<p>c</p>" in text
    assert parse_xml(text.encode()) == resource


def test_a_narrative_is_made_well_formed() -> None:
    def div_of(div: str) -> Any:
        return parse_xml(encode_xml({"resourceType": "Basic", "text": {"status": "generated", "div": div}}))["text"][
            "div"
        ]

    assert div_of("<div>a&nbsp;b&eacute;&amp;</div>") == f"{DIV}a\u00a0bé&amp;</div>"
    assert div_of(f"<?xml version='1.0'?> {DIV}a</div> ") == f"{DIV}a</div>"
    assert div_of(f"{DIV}<![CDATA[<b>]]><a href='x&amp;y' title='\"'>z</a></div>") == (
        f'{DIV}&lt;b&gt;<a href="x&amp;y" title="&quot;">z</a></div>'
    )


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ({"resourceType": "Nothing"}, "not a resource"),
        ({}, "not a resource"),
        ({"resourceType": "Patient", "nothing": 1}, r"Patient\.nothing is not an element"),
        ({"resourceType": "Patient", "name": {"family": "x"}}, r"Patient\.name must be an array"),
        ({"resourceType": "Patient", "name": ["x"]}, r"Patient\.name\[0\] must be an object"),
        ({"resourceType": "Patient", "active": {"x": 1}}, r"Patient\.active must be a string"),
        ({"resourceType": "Patient", "birthDate": "\u0001"}, r"Patient\.birthDate must be a string"),
        ({"resourceType": "Patient", "_name": [{"id": "x"}]}, "no sibling"),
        ({"resourceType": "Patient", "contained": [{"x": 1}]}, r"Patient\.contained\[0\] is not a resource"),
    ],
)
def test_a_dict_that_is_not_fhir_has_no_xml(resource: dict[str, Any], words: str) -> None:
    with pytest.raises(Unprocessable, match=words):
        encode_xml(resource)


@pytest.mark.parametrize("div", ["<div>", "<p>x</p>", f'<!DOCTYPE div [<!ENTITY a "b">]>{DIV}&a;</div>', "text"])
def test_a_narrative_that_is_no_div_has_no_xml(div: str) -> None:
    with pytest.raises(ParseFailed, match=r"Basic\.text\.div"):
        encode_xml({"resourceType": "Basic", "text": {"status": "generated", "div": div}})


def test_every_finding_comes_in_one_answer_with_its_place() -> None:
    inside = (
        '<active value="yes"/><name><family/><given value="a"/><given value=""/><given/><given>b</given></name>'
        '<nope value="1"/><gender value="male"/><active value="true"/><birthDate value="1970" odd="1"/>'
        '<contact><name><zip value="1"/></name></contact><multipleBirthInteger value="1.5"/>'
    )
    with pytest.raises(ParseFailed) as caught:
        parse_xml(f'<Patient xmlns="{FHIR}">{inside}</Patient>'.encode())
    assert [issue.expression for issue in caught.value.issues] == [
        "Patient.active",
        "Patient.name[0].family",
        "Patient.name[0].given[1]",
        "Patient.name[0].given[2]",
        "Patient.name[0].given[3]",
        "Patient",
        "Patient.active",
        "Patient.birthDate",
        "Patient.contact[0].name",
        "Patient.multipleBirthInteger",
    ]


def test_findings_beyond_a_hundred_are_left_out() -> None:
    contacts = "<contact><name><zip/></name></contact>" * 500
    with pytest.raises(ParseFailed) as caught:
        parse_xml(f'<Patient xmlns="{FHIR}">{contacts}</Patient>'.encode())
    assert len(caught.value.issues) == 100
    assert caught.value.issues[99].expression == "Patient.contact[99].name"
