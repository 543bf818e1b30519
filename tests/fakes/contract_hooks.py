"""What schemathesis is to know of the JSON API besides its document; loaded by `tests/e2e/test_json_contract.py`."""

from __future__ import annotations

import schemathesis

FURTHEST = 5
"""Pages are found by number near the first only, how near hangs on their size."""


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, **kwargs: object) -> None:
    """Ask for pages as a client does: cursors are the server's own, and pages by number are near the first."""
    if case.meta is None or not case.meta.generation.mode.is_positive or not isinstance(case.query, dict):
        return
    case.query.pop("cursor", None)
    if str(case.query.get("page", "")).isdecimal():
        case.query["page"] = min(int(case.query["page"]), FURTHEST)
