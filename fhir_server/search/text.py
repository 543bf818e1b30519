"""The text of a search value: separators and their escapes (http://hl7.org/fhir/R4/search.html#escaping)."""

from __future__ import annotations

_ESCAPABLE = frozenset(",|$\\")


class BadEscape(ValueError):
    """A backslash before something that needs no escape, or at the end."""


def split(text: str, separator: str) -> list[str]:
    """Return the parts of `text` between separators that are not escaped; escapes stay in the parts."""
    if "\\" not in text:
        return text.split(separator)
    parts: list[str] = []
    part: list[str] = []
    letters = iter(text)
    for letter in letters:
        if letter == "\\":
            part.append(letter + next(letters, ""))
        elif letter == separator:
            parts.append("".join(part))
            part = []
        else:
            part.append(letter)
    parts.append("".join(part))
    return parts


def unescape(text: str) -> str:
    """Return `text` with its escapes replaced by what they stand for. Raises BadEscape."""
    if "\\" not in text:
        return text
    plain: list[str] = []
    letters = iter(text)
    for letter in letters:
        if letter == "\\":
            letter = next(letters, "")
            if letter not in _ESCAPABLE:
                raise BadEscape("a backslash only comes before one of , | $ \\")
        plain.append(letter)
    return "".join(plain)


def escape(text: str) -> str:
    """Return `text` so that it stands for itself inside a search value."""
    return "".join("\\" + letter if letter in _ESCAPABLE else letter for letter in text)
