"""The narrative between JSON's string and XML's elements."""

from __future__ import annotations

import pytest
from lxml import etree

from fhir_server.errors import ParseFailed
from fhir_server.model.narrative import XHTML, canonical, xhtml

PATH = "Patient.text.div"
DIV = f'<div xmlns="{XHTML}">'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{DIV}a</div>", f"{DIV}a</div>"),
        (f"<div xmlns='{XHTML}'/>", f"{DIV}</div>"),
        ("<div>a</div>", f"{DIV}a</div>"),
        (f'<x:div xmlns:x="{XHTML}"><x:p>a</x:p></x:div>', f"{DIV}<p>a</p></div>"),
        (f"{DIV}<td/><hr></hr></div>", f"{DIV}<td></td><hr/></div>"),
        (f"{DIV}&#160;&nbsp;&lt;&#x3e;</div>", f"{DIV}\u00a0\u00a0&lt;&gt;</div>"),
        (f'{DIV}<p xml:lang="fr" class="a b">x</p></div>', f'{DIV}<p xml:lang="fr" class="a b">x</p></div>'),
        (f"{DIV}a<!-- b -->c<?pi d?>e</div>", f"{DIV}a<!-- b -->ce</div>"),
    ],
)
def test_a_div_is_written_in_one_way(text: str, expected: str) -> None:
    assert xhtml(text, PATH) == expected
    assert xhtml(expected, PATH) == expected
    assert canonical(etree.fromstring(expected), PATH) == expected


@pytest.mark.parametrize(
    "text",
    [f"{DIV}<p></div>", "<p/>", f"{DIV}&unknown;</div>", f"{DIV}<svg xmlns='http://www.w3.org/2000/svg'/></div>", ""],
)
def test_what_is_no_xhtml_is_refused_with_its_element(text: str) -> None:
    with pytest.raises(ParseFailed, match=r"Patient\.text\.div") as refused:
        xhtml(text, PATH)
    assert refused.value.issues[0].expression == PATH
