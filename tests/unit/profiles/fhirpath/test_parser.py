"""Precedence and shape of the syntax tree (http://hl7.org/fhirpath/N1/#operator-precedence)."""

from __future__ import annotations

import pytest

from profiles.fhirpath.errors import FhirPathSyntaxError
from profiles.fhirpath.parser import MAX_DEPTH, parse
from profiles.fhirpath.syntax import (
    Binary,
    Function,
    Index,
    Literal,
    Member,
    Polarity,
    QuantityLiteral,
    Syntax,
    TemporalLiteral,
    TypeTest,
    Variable,
    qualified_name,
)


def written(syntax: Syntax) -> str:
    """Write a tree with all its parentheses."""
    match syntax:
        case Binary():
            return f"({written(syntax.left)} {syntax.operator} {written(syntax.right)})"
        case TypeTest():
            return f"({written(syntax.operand)} {syntax.operator} {syntax.name})"
        case Polarity():
            return f"({syntax.sign}{written(syntax.operand)})"
        case Index():
            return f"{written(syntax.source)}[{written(syntax.index)}]"
        case Member() | Function():
            before = f"{written(syntax.source)}." if syntax.source else ""
            inside = f"({', '.join(map(written, syntax.arguments))})" if isinstance(syntax, Function) else ""
            return f"{before}{syntax.name}{inside}"
        case Literal():
            return "{}" if syntax.value is None else repr(syntax.value)
        case QuantityLiteral():
            return f"{syntax.value} {syntax.unit if syntax.calendar else repr(syntax.unit)}"
        case TemporalLiteral():
            return f"@{syntax.text}"
        case Variable():
            return f"{'$' if syntax.special else '%'}{syntax.name}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1+2*3+4", "((1 + (2 * 3)) + 4)"),
        ("a.b[0].c", "a.b[0].c"),
        ("-a.b + 1", "((-a.b) + 1)"),
        ("a | b is C", "(a | (b is C))"),
        ("a or b and c", "(a or (b and c))"),
        ("a implies b or c", "(a implies (b or c))"),
        ("a = b | c", "(a = (b | c))"),
        ("'#' + id in (a | b)", "(('#' + id) in (a | b))"),
        ("a in b and c", "((a in b) and c)"),
        ("a > 1 = true", "((a > 1) = True)"),
        ("a - b - c", "((a - b) - c)"),
        ("a.where(b = 'c').exists()", "a.where((b = 'c')).exists()"),
        ("contains.contains('x')", "contains.contains('x')"),
        ("(a as Quantity).unit", "(a as Quantity).unit"),
        ("a as FHIR.`Quantity`", "(a as FHIR.Quantity)"),
        ("4 days + 10 'mg'", "(4 day + 10 'mg')"),
        ("@2015 < %now.x", "(@2015 < %now.x)"),
        ("{} & $this", "({} & $this)"),
        ("text.`div`", "text.div"),
        ("a is B and c", "((a is B) and c)"),
    ],
)
def test_operators_bind_as_the_specification_ranks_them(text: str, expected: str) -> None:
    assert written(parse(text)) == expected


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 0),
        ("a.", 2),
        ("a b", 2),
        ("(a", 2),
        ("a)", 1),
        ("a.where(", 8),
        ("f(a,)", 4),
        ("a[1", 3),
        ("a is 3", 5),
        ("{a}", 1),
        ("text.div", 5),
        ("a.$this", 2),
        ("and", 0),
    ],
)
def test_a_mistake_is_found_where_it_is(text: str, position: int) -> None:
    with pytest.raises(FhirPathSyntaxError) as caught:
        parse(text)
    assert caught.value.position == position


def test_an_element_named_like_an_operator_is_advised_to_take_backticks() -> None:
    with pytest.raises(FhirPathSyntaxError, match="`div`"):
        parse("text.div.exists()")


def test_nesting_has_a_limit() -> None:
    with pytest.raises(FhirPathSyntaxError, match="levels"):
        parse("(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1))
    assert parse("(" * (MAX_DEPTH - 1) + "a" + ")" * (MAX_DEPTH - 1)) == Member(None, "a", MAX_DEPTH - 1)


def test_a_qualified_name_consists_of_names_only() -> None:
    assert qualified_name(parse("System.String")) == "System.String"
    assert qualified_name(parse("a.b()")) is None
    assert qualified_name(parse("a.b().c")) is None
