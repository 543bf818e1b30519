"""What attackers send as XML: every one of these is refused, and nothing is fetched."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fhir_server.errors import ParseFailed
from fhir_server.model.fhir_xml import parse_xml
from fhir_server.model.narrative import xhtml
from fhir_server.model.xml_reader import read_xml

PATIENT = '<Patient xmlns="http://hl7.org/fhir"><name><text value="{}"/></name></Patient>'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A web server that only notes what is asked of it."""
    asked: list[str] = []

    class Note(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Note)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "before",
    [
        "<!DOCTYPE Patient>",
        '<!DOCTYPE Patient [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE Patient [<!ENTITY x SYSTEM "http://127.0.0.1:1/x">]>',
        '<!DOCTYPE Patient [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x"> %p;]>',
        '<!DOCTYPE Patient SYSTEM "http://127.0.0.1:1/x.dtd">',
        f'<!DOCTYPE Patient [<!ENTITY l0 "ha">{LAUGHS}<!ENTITY x "&l9;">]>',
        "<?xml version='1.0'?>\n<!-- <Patient> --> <?pi ?>\n<!DOCTYPE Patient>",
        "\ufeff<!DOCTYPE Patient>",
    ],
)
def test_a_document_type_is_refused_whatever_it_says(before: str) -> None:
    started = time.perf_counter()
    with pytest.raises(ParseFailed, match="DOCTYPE"):
        parse_xml((before + PATIENT.format("&x;")).encode())
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    "before",
    ['<!DOCTYPE P [<!ENTITY x SYSTEM "{}/e">]>', '<!DOCTYPE P SYSTEM "{}/d">', '<?xml-stylesheet href="{}/s"?>'],
)
def test_nothing_is_fetched(listener: tuple[str, list[str]], before: str) -> None:
    url, asked = listener
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{url}/i"/>'
    body = before.format(url) + f'<Patient xmlns="http://hl7.org/fhir">{include}</Patient>'
    with pytest.raises(ParseFailed):
        parse_xml(body.encode())
    assert asked == []


def test_an_inclusion_is_an_unknown_element(tmp_path: Path) -> None:
    secret = tmp_path / "secret.xml"
    secret.write_text("<secret/>")
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file://{secret}"/>'
    with pytest.raises(ParseFailed, match="namespace"):
        parse_xml(f'<Patient xmlns="http://hl7.org/fhir">{include}</Patient>'.encode())


@pytest.mark.parametrize("name", ["x", "nbsp", "l9"])
def test_an_entity_is_refused_by_name_of_the_rule(name: str) -> None:
    with pytest.raises(ParseFailed, match="entity"):
        parse_xml(PATIENT.format(f"&{name};").encode())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037"])
def test_bytes_that_are_not_utf8_are_refused(encoding: str) -> None:
    with pytest.raises(ParseFailed):
        parse_xml(("<!DOCTYPE Patient>" + PATIENT.format("é")).encode(encoding))


@pytest.mark.parametrize("encoding", ["UTF-7", "UTF-16", "ISO-8859-1", "EBCDIC-CP-US", "ucs-4"])
def test_a_declared_encoding_other_than_utf8_is_refused(encoding: str) -> None:
    smuggled = "+ADw-+ACE-DOCTYPE Patient+AD4-"
    body = f'<?xml version="1.0" encoding="{encoding}"?>{smuggled if encoding == "UTF-7" else ""}' + PATIENT.format("a")
    with pytest.raises(ParseFailed, match="always UTF-8"):
        parse_xml(body.encode())


@pytest.mark.parametrize("encoding", ["utf-8", "UTF-8", "US-ASCII"])
def test_utf8_may_be_declared(encoding: str) -> None:
    body = f"<?xml version='1.0' encoding='{encoding}' standalone='yes'?>" + PATIENT.format("é")
    assert parse_xml(body.encode())["name"] == [{"text": "é"}]


@pytest.mark.parametrize("text", ["&#0;", "&#1;", "&#xFFFE;", "&#xD800;", "\x01", "\ufffe"])
def test_characters_that_xml_forbids_are_refused(text: str) -> None:
    with pytest.raises(ParseFailed):
        parse_xml(PATIENT.format(text).encode())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not well-formed"),
        (b"{}", "not well-formed"),
        (b"<a>", "not well-formed"),
        (b"<a></b>", "do not match.*line 1"),
        (b"<a/><b/>", "follows the root"),
        (b"<a b='1' b='2'/>", "twice"),
        (b"<x:a/>", "prefix"),
        (b"<a" * 20_000, "not well-formed"),
        (b"<a>" * 100_000, "too deep"),
        (b"<!--", "not well-formed"),
        (b"<a>\xff</a>", "UTF-8"),
    ],
)
def test_what_is_not_well_formed_is_refused_with_the_reason(body: bytes, words: str) -> None:
    with pytest.raises(ParseFailed, match=words):
        read_xml(body)


def test_many_attributes_and_comments_take_linear_time() -> None:
    started = time.perf_counter()
    read_xml(b"<!-- x -->" * 100_000 + b"<a/>")
    attributes = b" ".join(b"a%d='1'" % n for n in range(50_000))
    with pytest.raises(ParseFailed, match="attributes"):
        parse_xml(b'<Patient xmlns="http://hl7.org/fhir" ' + attributes + b"/>")
    with pytest.raises(ParseFailed, match="attributes"):
        xhtml(f"<div {attributes.decode()}/>", "Basic.text.div")
    assert time.perf_counter() - started < 5
