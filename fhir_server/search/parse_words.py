"""Values of `_text` and `_content`: full text (http://hl7.org/fhir/R4/search.html#text).

Words next to each other must all be there, in any order; `"a quoted phrase"` in that order; `cardi*` with any ending.
`AND`, `OR` (in either case) and parentheses combine them, `NOT` excludes, a comma is an OR. Words are runs of letters
and digits without case and accents, so that an unquoted `co-morbid` is the phrase of its two words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fhir_server.search.parse_value import plain
from fhir_server.search.query import And, Node, Not, Or, Words
from fhir_server.search.refuse import refuse
from fhir_server.search.values import fold

WORDS = 100
"""The most words and phrases of one expression."""
NESTING = 20

Phrase = tuple[tuple[str, ...], bool]

_PIECE = re.compile(r'"(?P<quoted>[^"]*)"|(?P<sign>[(),])|(?P<word>[^\s"(),]+)')
_WORD = re.compile(r"[^\W_]+")
_ESCAPE = re.compile(r"\\.")


def read_words(code: str, text: str) -> Node:
    """Return the tree of an expression of `_text` or `_content`. Raises BadRequest."""
    if text.count('"') % 2:
        raise refuse(code, "a phrase that begins with a quotation mark ends with another one.")
    plain(code, text)
    pieces = [_piece(code, found) for found in _PIECE.finditer(_ESCAPE.sub(" ", text))]
    if len(pieces) > WORDS:
        raise refuse(code, f"an expression has at most {WORDS} words.")
    if not any(isinstance(each, tuple) for each in pieces):
        raise refuse(code, "it needs at least one word of letters or digits.")
    reader = _Reader(code, pieces, narrative=code == "_text")
    node = reader.alternatives(0)
    if reader.at < len(pieces):
        raise refuse(code, "a parenthesis is closed that was not opened.")
    return node


def _piece(code: str, found: re.Match[str]) -> Phrase | str:
    """Return a phrase, or an operator as its upper-case word or sign; "" for what holds no word."""
    if found["sign"]:
        return "OR" if found["sign"] == "," else found["sign"]
    word = found["word"]
    if word in ("AND", "and", "OR", "or", "NOT"):
        return word.upper()
    text = (word if word is not None else found["quoted"]).strip()
    inner = text.removesuffix("*")
    if "*" in inner:
        raise refuse(code, "an asterisk stands only at the end of a word or phrase, for any ending.")
    words = tuple(_WORD.findall(fold(inner)))
    return (words, inner != text) if words else ""


@dataclass(slots=True)
class _Reader:
    """Recursive descent over the pieces."""

    code: str
    pieces: list[Phrase | str]
    narrative: bool
    at: int = 0

    def peek(self) -> Phrase | str | None:
        """Return the next piece that says something, None at the end."""
        while self.at < len(self.pieces) and self.pieces[self.at] == "":
            self.at += 1
        return self.pieces[self.at] if self.at < len(self.pieces) else None

    def alternatives(self, depth: int) -> Node:
        """Read terms joined by OR."""
        found = [self.terms(depth)]
        while self.peek() == "OR":
            self.at += 1
            found.append(self.terms(depth))
        return found[0] if len(found) == 1 else Or(tuple(found))

    def terms(self, depth: int) -> Node:
        """Read terms that must all hold, with AND between them or without; phrases of them become one leaf."""
        phrases: list[Phrase] = []
        nodes: list[Node] = []
        while True:
            self.term(depth, phrases, nodes)
            if self.peek() == "AND":
                self.at += 1
            elif self.peek() in (None, "OR", ")"):
                break
        if phrases:
            nodes.insert(0, Words(tuple(dict.fromkeys(phrases)), self.narrative))
        return nodes[0] if len(nodes) == 1 else And(tuple(nodes))

    def term(self, depth: int, phrases: list[Phrase], nodes: list[Node]) -> None:
        """Read one phrase, or one part in parentheses, either perhaps after NOT."""
        piece = self.peek()
        self.at += 1
        if isinstance(piece, tuple):
            phrases.append(piece)
        elif piece == "NOT":
            nodes.append(Not(self.negated(depth)))
        elif piece == "(" and depth < NESTING:
            nodes.append(self.alternatives(depth + 1))
            if self.peek() != ")":
                raise refuse(self.code, "a parenthesis is opened that is not closed.")
            self.at += 1
        else:
            raise refuse(
                self.code, "a word is missing beside AND, OR, NOT, a comma or a parenthesis; quote them to search them."
            )

    def negated(self, depth: int) -> Node:
        """Read the one term after a NOT."""
        phrases: list[Phrase] = []
        nodes: list[Node] = []
        self.term(depth + 1, phrases, nodes)
        return nodes[0] if nodes else Words(tuple(phrases), self.narrative)
