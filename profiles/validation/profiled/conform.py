"""Whether a value conforms to another profile: profiles on types, on resources inside, on targets of references."""

from __future__ import annotations

from typing import TYPE_CHECKING

from profiles.definitions import type_names
from profiles.issues import Issue
from profiles.terminology.canonical import unversioned
from profiles.validation.profiled.at import At
from profiles.validation.profiled.context import BASE
from profiles.validation.profiled.run import MAX_NESTING, Run

if TYPE_CHECKING:
    from profiles.validation.profiled.profile import Profile


def check_any(at: At, urls: tuple[str, ...], run: Run, rule: str) -> None:
    """Add findings where a value conforms to none of the profiles `urls`; those of a single one as they are."""
    if len(urls) == 1:
        found = findings(at, urls[0], run, rule)
        run.issues += found
        return
    attempts = [findings(at, url, run, rule) for url in urls]
    clean = next((each for each in attempts if not any(issue.is_error for issue in each)), None)
    if clean is not None:
        run.issues += clean
        return
    first = next(issue for each in attempts for issue in each if issue.is_error)
    listed = ", ".join(unversioned(url) for url in urls)
    what = f"conforms to none of the profiles {listed}; for the first of them: {first.message.rstrip('.')}"
    run.add("error", "structure", at, what, rule)


def findings(at: At, url: str, run: Run, rule: str) -> list[Issue]:
    """Return the findings of one profile about a value, once for each value however many elements ask for it."""
    profile = run.find(url)
    if profile is None:
        return [] if is_r4_type(url) else [_unknown(at, url, run, rule)]
    key = (id(at.value) if isinstance(at.value, dict) else at.path, profile.canonical)
    if key in run.active:
        run.cuts += 1
        return []
    known = run.known.get(key)
    if known is not None and known[0].path == at.path:
        return known[1]
    if not profile.fits(at):
        what = f"{at.path} is of the type {at.shape.type}, but the profile {profile.url} is on {profile.type}"
        return [Issue("error", "structure", f"{what}; name a profile on its type.", at.path, run.profile, rule)]
    if run.nesting >= MAX_NESTING:
        run.cuts += 1
        what = f"{at.path} is not checked against {url}: profiles ask for one another more than {MAX_NESTING} deep"
        return [Issue("warning", "processing", f"{what}.", at.path, run.profile, rule)]
    before = run.cuts, run.untold
    found = _asked(profile, at, key, run)
    # What was cut short, or what a value set left open, may be otherwise when asked from elsewhere.
    if before == (run.cuts, run.untold):
        run.known[key] = (at, found)
    return found


def _asked(profile: Profile, at: At, key: tuple[int | str, str], run: Run) -> list[Issue]:
    run.active.add(key)
    run.nesting += 1
    speaker, run.profile = run.profile, profile.canonical
    try:
        return run.attempt(profile, at)
    finally:
        run.profile = speaker
        run.nesting -= 1
        run.active.discard(key)


def conforms(at: At, url: str, run: Run) -> bool | None:
    """Return whether a value conforms to a profile, None where the profile is unknown."""
    if is_r4_type(url):
        return url.removeprefix(BASE) in at.shape.ancestors
    if run.find(url) is None:
        return None
    return not any(issue.is_error for issue in findings(at, url, run, ""))


def is_r4_type(url: str) -> bool:
    """Return whether a canonical is the definition of a type of R4, which needs no profile."""
    name = unversioned(url)
    return name.startswith(BASE) and name.removeprefix(BASE) in type_names()


def _unknown(at: At, url: str, run: Run, rule: str) -> Issue:
    what = f"{at.path} could not be checked against the profile {url}, which is not known here or cannot be used"
    return Issue("warning", "not-found", f"{what}; install the package that defines it.", at.path, run.profile, rule)
