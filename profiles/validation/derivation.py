"""Whether a profile can be derived from its base: its differential contradicts nothing (see `profiles.snapshot`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from profiles.issues import Issue, Severity
from profiles.snapshot.core import core_resolve
from profiles.snapshot.errors import SnapshotError
from profiles.snapshot.snapshot import snapshot

MISSING = frozenset({"base-missing", "profile-missing", "not-supported"})
"""Rules that say nothing against the profile itself."""


def derivation_issues(
    definition: Mapping[str, Any], path: str, resolve: Callable[[str], Mapping[str, Any] | None]
) -> list[Issue]:
    """Return why no snapshot can be generated for a StructureDefinition that constrains another, [] when one can."""
    if definition.get("derivation") != "constraint" or "differential" not in definition:
        return []
    try:
        snapshot(definition, lambda canonical: resolve(canonical) or core_resolve(canonical))
    except SnapshotError as error:
        severity: Severity = "warning" if error.rule in MISSING else "error"
        where = f"the element {error.element}" if error.element else "the definition"
        what = f"{path} has no snapshot: {where} breaks the rule {error.rule}, {error.detail}."
        return [Issue(severity, "structure", what, path, rule=error.rule)]
    except RecursionError:
        return [Issue("error", "too-costly", f"{path} has no snapshot: it nests too deeply.", path)]
    return []
