"""What commands print in columns."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from fhir_server.command_line import columns


def printed(names: tuple[str, ...], *rows: tuple[str, ...], right: tuple[str, ...] = ()) -> str:
    text = StringIO()
    columns(Console(file=text, width=20, highlight=False), names, rows, right=right)
    return text.getvalue()


def test_a_row_stays_on_one_line_however_narrow_the_terminal_is() -> None:
    assert printed(("id", "scopes"), ("1", "launch/patient openid fhirUser"), ("23", "")) == (
        "id  scopes\n1   launch/patient openid fhirUser\n23\n"
    )


def test_figures_stand_below_one_another() -> None:
    assert printed(("row", "of"), ("7", "a"), ("10000", "b"), right=("row",)) == "  row  of\n    7  a\n10000  b\n"


def test_what_stands_in_a_row_is_text_and_no_markup() -> None:
    assert printed(("name",), ("[bold]x[/bold]",)) == "name\n[bold]x[/bold]\n"


def test_letters_of_two_columns_count_as_two() -> None:
    assert printed(("name", "of"), ("日本", "a")) == "name  of\n日本  a\n"
