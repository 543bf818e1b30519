"""JSON in and out: what is kept, and what is refused with which words."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from fhir_server.errors import ParseFailed
from fhir_server.model.fhir_json import encode, encode_pretty, parse


@pytest.mark.parametrize(
    "text",
    ["1.10", "0.00", "-0.0", "100", "77.10", "12345678901234567890", "0.1234567890123456789012345678901234567"],
)
def test_a_number_keeps_its_digits(text: str) -> None:
    assert encode(parse(b'{"value":' + text.encode() + b"}")) == b'{"value":' + text.encode() + b"}"


@pytest.mark.parametrize(
    ("text", "value"),
    [("1E-7", Decimal("1E-7")), ("1e5", Decimal("1E+5")), ("2.50e+3", Decimal("2.50E+3")), ("0e-2", Decimal("0.00"))],
)
def test_an_exponent_keeps_value_and_precision(text: str, value: Decimal) -> None:
    parsed = parse(text.encode())
    again = parse(encode(parsed))
    assert isinstance(parsed, Decimal)
    assert parsed.as_tuple() == value.as_tuple() == again.as_tuple()


def test_integers_are_int_and_order_is_kept() -> None:
    value = parse('{"z":1,"a":[null,{"b":true}],"é":"\\u00e9\\n"}'.encode())
    assert list(value) == ["z", "a", "é"]
    assert type(value["z"]) is int
    assert encode(value) == '{"z":1,"a":[null,{"b":true}],"é":"é\\n"}'.encode()


def test_pretty_json_is_indented_and_keeps_decimals() -> None:
    assert encode_pretty({"a": Decimal("1.10"), "b": [1]}) == b'{\n  "a": 1.10,\n  "b": [\n    1\n  ]\n}'


def test_a_byte_order_mark_is_ignored() -> None:
    assert parse(b'\xef\xbb\xbf{"a":1}') == {"a": 1}


@pytest.mark.parametrize("escape", [r"\u0000", r"\u0008", r"\u000B", r"\u000c", r"\u001f", r"\b", r"\f", r"\uFFFE"])
def test_a_forbidden_character_is_refused_with_its_place(escape: str) -> None:
    with pytest.raises(ParseFailed, match="line 2 column 7"):
        parse(b'{\n "a":"' + escape.encode() + b'"}')


def test_a_forbidden_character_in_plain_utf8_is_refused() -> None:
    with pytest.raises(ParseFailed, match="U\\+FFFE"):
        parse('{"a":"\uffff"}'.encode())


@pytest.mark.parametrize(
    ("escape", "value"),
    [
        (r"\t\r\n", "\t\r\n"),
        (r"\u0009\u000a\u000D", "\t\n\r"),
        (r"\\b\\f\\u0000", r"\b\f\u0000"),
        (r"\uFFFD", "\ufffd"),
    ],
)
def test_escapes_that_only_look_dangerous_are_read(escape: str, value: str) -> None:
    assert parse(b'"' + escape.encode() + b'"') == value


@pytest.mark.parametrize(
    "number",
    ["1" * 41, "1" * 400, "1" * 5000, "0." + "0" * 39, "-" + "1" * 40, "1e401", "1E-401", "1e+999999999999999999999",
     "1e-99999999999", "1." + "2" * 36 + "e-12", "1e" + "0" * 50,
     "1" * 37 + "e99", "1" * 15 + "e390", "1" * 15 + "." + "0" * 17 + "E+399"],
)  # fmt: skip
@pytest.mark.parametrize("around", ["{}", "[{}]", '{{"a" : {} }}', '["x\\"",{},1]', '{{"a":"\\\\","b":\n{}}}'])
def test_a_number_out_of_bounds_is_refused(number: str, around: str) -> None:
    with pytest.raises(ParseFailed, match="number out of bounds"):
        parse(around.format(number).encode())


@pytest.mark.parametrize("number", ["1" * 40, "0." + "0" * 38, "1e400", "1E-400", "-1." + "2" * 31 + "e-400"])
def test_a_number_within_bounds_is_read(number: str) -> None:
    assert parse(f"[{number}]".encode()) == [Decimal(number)]


@pytest.mark.parametrize(
    "text",
    [
        "1" * 60,
        "a, " + "1" * 60 + " b",
        ": 1e999, 1e999",
        "-" * 80,
        "." * 80,
        "e1234-5e999",
        '\\" ' + "9" * 50 + ' \\"',
    ],
)
def test_digits_in_a_string_are_not_a_number(text: str) -> None:
    body = f'{{"a":"{text}","b":1.50}}'.encode()
    assert encode(parse(body)) == body


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"{} x", "something follows"),
        (b'{"a":1,}', "comma"),
        (b'{"a":01}', "number is not written"),
        (b'{"a":NaN}', "missing"),
        (b'{"a":Infinity}', "missing"),
        (b'{"a":"\x01"}', "control character"),
        (b'{"a":"\xff"}', "not UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"a":"\\ud800x"}', "surrogate"),
        (b'{"a":"\\udc00"}', "surrogate"),
        (b'{"a":"\\ud83d\\u0041"}', "surrogate"),
        ('{"a":1}'.encode("utf-16"), "not UTF-8"),
        ('{"a":1}'.encode("utf-16-le"), "not UTF-8"),
        (b'{"a":1,"b":{"c":1,"c":2}}', "The property c appears twice"),
        (b'{"Jean 1950":1,"Jean 1950":2}', "A property appears twice"),
        (b'{"a"', "ends before"),
        (b"{a:1}", "property name"),
    ],
)
def test_what_is_not_json_is_refused_with_the_reason(body: bytes, words: str) -> None:
    with pytest.raises(ParseFailed, match=words) as refused:
        parse(body)
    assert "Jean" not in refused.value.issues[0].message
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "body", [b"[" * 10_000, b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000]
)
def test_ten_thousand_levels_are_refused(body: bytes) -> None:
    with pytest.raises(ParseFailed, match="deeper than 200 levels"):
        parse(body)


def test_a_lower_depth_limit_can_be_asked_for() -> None:
    assert parse(b"[[[1]]]", max_depth=3) == [[[1]]]
    with pytest.raises(ParseFailed, match="deeper than 2 levels"):
        parse(b"[[[1]]]", max_depth=2)


@pytest.mark.parametrize("piece", [b'"a, %s b",' % (b"1" * 60), b'"3e1234 ",', b'", 3e1234 ",', b'"\\u000a",'])
def test_suspicious_bodies_are_read_in_linear_time(piece: bytes) -> None:
    """Ten times the body may take some ten times as long; a quadratic check would take a hundred times."""
    small, large = b"[" + piece * 3_000 + b"1]", b"[" + piece * 30_000 + b"1]"

    def seconds(body: bytes) -> float:
        started = time.perf_counter()
        parse(body)
        return time.perf_counter() - started

    assert min(seconds(large) for _ in range(3)) < 40 * min(seconds(small) for _ in range(3))
