"""Regular expressions within limits: matches() and replaceMatches() (http://hl7.org/fhirpath/N1/#matches).

The patterns are users' text. Python's own `re` cannot be stopped once it backtracks, so the `regex` library searches,
with a timeout; it is imported when first needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from profiles.fhirpath.errors import FhirPathBudgetError, FhirPathTypeError

TIMEOUT = 0.1
"""Seconds that one search may take."""
MAX_PATTERN = 4096
MAX_RESULT = 1_000_000
"""Characters that a replacement may produce."""
_TEMPLATE = r"\$(?:([0-9])|\{([A-Za-z_][A-Za-z0-9_]*|[0-9]+)\})|\\([$\\])"


_FLAGS = {"i": "IGNORECASE", "m": "MULTILINE"}


def _compiled(pattern: str, flags: str = "") -> Any:
    regex = import_module("regex")
    if set(flags) - _FLAGS.keys():
        raise FhirPathTypeError(f"the flags of a regular expression are i and m, not {flags[:20]!r}")
    if len(pattern) > MAX_PATTERN:
        raise FhirPathTypeError(f"a regular expression has at most {MAX_PATTERN} characters")
    try:
        mode = regex.DOTALL
        for flag in flags:
            mode |= getattr(regex, _FLAGS[flag])
        return regex.compile(pattern, mode)
    except (regex.error, OverflowError, RecursionError) as error:
        raise FhirPathTypeError(f"{pattern!r} is no regular expression: {error}") from error


def _too_slow(pattern: str) -> FhirPathBudgetError:
    return FhirPathBudgetError(
        f"matching {pattern!r} takes longer than {TIMEOUT} s; avoid a repetition inside a repetition, as in (a+)+"
    )


def search(text: str, pattern: str, flags: str = "") -> bool:
    """Return whether the pattern is found anywhere in the text; `^` and `$` demand the whole, `.` is any character.

    The flag `i` ignores case, `m` has `^` and `$` stand for the ends of lines. Raises FhirPathTypeError for a malformed
    pattern or other flags, FhirPathBudgetError when the search takes too long.
    """
    compiled = _compiled(pattern, flags)
    try:
        return compiled.search(text, timeout=TIMEOUT) is not None
    except TimeoutError as error:
        raise _too_slow(pattern) from error


def full_match(text: str, pattern: str, flags: str = "") -> bool:
    """Return whether the pattern is the whole of the text. Raises as `search`."""
    compiled = _compiled(pattern, flags)
    try:
        return compiled.fullmatch(text, timeout=TIMEOUT) is not None
    except TimeoutError as error:
        raise _too_slow(pattern) from error


def substitute(text: str, pattern: str, template: str, flags: str = "") -> str:
    """Return the text with every match replaced; `$1` and `${name}` in the template are groups. Raises as `search`."""
    if not pattern:
        return text
    compiled = _compiled(pattern, flags)
    parts = _compiled(_TEMPLATE).split(template)
    size = len(text)

    def replacement(match: Any) -> str:
        nonlocal size
        found = [parts[0]]
        for at in range(1, len(parts), 4):
            number, name, escaped, literal = parts[at : at + 4]
            found.append(escaped or _group(match, number or name))
            found.append(literal)
        result = "".join(found)
        size += len(result)
        if size > MAX_RESULT:
            raise FhirPathTypeError(f"a string has at most {MAX_RESULT} characters")
        return result

    try:
        return str(compiled.sub(replacement, text, timeout=TIMEOUT))
    except TimeoutError as error:
        raise _too_slow(pattern) from error


def _group(match: Any, name: str) -> str:
    try:
        return match[int(name) if name.isdigit() else name] or ""
    except IndexError as error:
        raise FhirPathTypeError(f"${name} names a group that the regular expression does not have") from error
