"""txt-1 and txt-2, and the refusal of what runs in a browser (http://hl7.org/fhir/R4/narrative.html#xhtml)."""

from __future__ import annotations

import re

import pytest

from profiles.datatypes.narrative import ATTRIBUTES, ELEMENTS, narrative_findings


def div(content: str) -> str:
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{content}</div>'


@pytest.mark.parametrize(
    "content",
    [
        "plain",
        "<p>a</p> <b>b</b><br/>",
        "a &amp; b &lt; c &#233; &#160;",
        '<table class="grid"><tr><td colspan="2" style="color: red">a</td></tr></table>',
        '<a href="https://example.org/a?b=c#d">a</a>',
        '<a href="Patient/1">relative</a><a href="#note">local</a><a name="note">b</a>',
        '<a href="mailto:a@example.org">a</a><a href="tel:+33123456789">b</a>',
        '<img src="#image1" alt=""/>',
        '<img src="data:image/png;base64,AAAA"/>',
        '<img src="pictures/a.png"/>',
        '<p lang="fr" xml:lang="fr" dir="ltr">é</p>',
        "<!-- a comment -->a",
        "<![CDATA[a]]>",
        "<h1>a</h1><ul><li>b</li></ul><pre>c</pre><blockquote><p>d</p></blockquote>",
    ],
)
def test_formatting_is_right(content: str) -> None:
    assert narrative_findings(div(content)) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("<script>alert(1)</script>a", "<script>"),
        ("<SCRIPT>alert(1)</SCRIPT>a", "<SCRIPT>"),
        ("<form><input/></form>a", "<form>"),
        ('<iframe src="a"/>a', "<iframe>"),
        ('<object data="a"/>a', "<object>"),
        ('<link rel="stylesheet" href="a"/>a', "<link>"),
        ("<style>p {}</style>a", "<style>"),
        ('<p onclick="a()">a</p>', "'onclick'"),
        ('<b onmouseover="a()">a</b>', "'onmouseover'"),
        ('<a href="javascript:alert(1)">a</a>', "runs code"),
        ('<a href=" java&#10;script:alert(1)">a</a>', "runs code"),
        ('<a href="JaVaScRiPt&#58;alert(1)">a</a>', "runs code"),
        ('<a href="&#160;javascript:alert(1)">a</a>', "runs code"),
        (f'<a href="{" " * 5000}javascript:alert(1)">a</a>', "runs code"),
        ('<a href="vbscript:a">a</a>', "runs code"),
        ('<a href="data:text/html;base64,AAAA">a</a>', "runs code"),
        ('<a href="data:image/svg+xml,a">a</a>', "runs code"),
        ('<img src="data:text/html,a"/>', "runs code"),
        ('<img src="javascript:a"/>', "runs code"),
        ('<blockquote cite="javascript:a">a</blockquote>', "runs code"),
        ('<p style="width: expression(alert(1))">a</p>', "style"),
        ('<p style="width: exp/**/ression(alert(1))">a</p>', "style"),
        (r'<p style="width: \65xpression(alert(1))">a</p>', "style"),
        ('<p style="background: url(javascript:a)">a</p>', "style"),
        ('<svg xmlns="http://www.w3.org/2000/svg" onload="a()"/>a', "namespace"),
        ('<p xmlns:x="http://a" x:href="a">a</p>', "unknown to XHTML"),
        ("<?php a ?>a", "processing instructions"),
        ("a&nbsp;b", "&nbsp;"),
        ("a&unknown;b", "entity"),
        ("<p>a", "well-formed"),
        ("a & b", "well-formed"),
        ("a ]]> b", "well-formed"),
        ("\x01", "well-formed"),
        ("", "txt-2"),
        (" \n\t<p> </p><!-- a -->", "txt-2"),
        ("<img alt='a'/>", "txt-2"),
    ],
)
def test_what_is_not_formatting_is_refused(content: str, told: str) -> None:
    findings = narrative_findings(div(content))

    assert any(told in finding for finding in findings), findings


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "<div>no namespace</div>",
        '<p xmlns="http://www.w3.org/1999/xhtml">not a div</p>',
        '<?xml version="1.0"?><div xmlns="http://www.w3.org/1999/xhtml">a</div>',
        '<!DOCTYPE div [<!ENTITY a "b">]><div xmlns="http://www.w3.org/1999/xhtml">&a;</div>',
        div("a") + div("b"),
        div("half a pair \ud800"),
        '<div xmlns="http://www.w3.org/1999/xhtml" onload="a()">a</div>',
        "<div>" * 5000,
    ],
)
def test_the_text_must_be_one_div_and_nothing_else(text: str) -> None:
    assert narrative_findings(text)


def test_entities_are_never_expanded() -> None:
    bomb = '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>' + div("&b;")

    assert narrative_findings(bomb) == ["must be the <div> alone, without document type and without XML declaration"]


def test_thousands_of_attributes_are_refused_before_they_take_time() -> None:
    attributes = " ".join(f'a{number}="1"' for number in range(100_000))

    assert "attributes" in narrative_findings(div(f"<p {attributes}>a</p>"))[0]


def test_no_finding_repeats_the_narrative() -> None:
    findings = narrative_findings(div('<p title="Jane Doe">Jane Doe</p><x-Jane.Doe/><p data-jane="Jane">a</p>'))

    assert findings
    assert not [finding for finding in findings if "Jane Doe" in finding or "Jane.Doe" in finding]


def test_the_lists_are_those_of_the_definition() -> None:
    # From the XPath of txt-1 in StructureDefinition/Narrative of 4.0.1.
    assert len(ELEMENTS) == 48
    assert len(ATTRIBUTES - {"{http://www.w3.org/XML/1998/namespace}lang"}) == 49
    assert {"sub", "sup", "tt", "q"} <= ELEMENTS
    assert not {"script", "u", "font", "form", "style"} & ELEMENTS
    assert not [name for name in ATTRIBUTES if re.match("on", name)]
    assert not {"target", "idref", "onclick", "xmlns"} & ATTRIBUTES
