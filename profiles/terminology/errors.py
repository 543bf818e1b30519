"""What cannot be answered about codes, said so that the asker can do something about it."""

from __future__ import annotations


class NotExpandable(Exception):
    """A value set or a hierarchy whose codes cannot all be told; the text is fit for an OperationOutcome.

    `url` is the canonical of the value set or code system at fault, `reason` a clause that names it, `way_out` a
    clause that says what helps. None of them ever holds a code that came with a search. `code` is the issue type:
    `not-found`, `too-costly`, or `processing` for all else.
    """

    def __init__(self, url: str, reason: str, way_out: str, code: str = "processing") -> None:
        super().__init__(f"{reason}; {way_out}")
        self.url = url
        self.reason = reason
        self.way_out = way_out
        self.code = code
