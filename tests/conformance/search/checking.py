"""What is wrong with an answer: first what holds for every search, then what the case says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

from tests.conformance.search.cases import Case, Json, encoded, target
from tests.conformance.search.world import BASE, Reply, link

MODES = frozenset(("match", "include", "outcome"))
# Said of the form of an answer, not of what is searched for.
_NOT_SEARCHED = frozenset(("_format", "_pretty"))


def answer_problems(case: Case, pages: list[Reply]) -> Iterator[str]:
    """Yield what is wrong with the pages of a search that must be answered."""
    for number, page in enumerate(pages, 1):
        if page.status != 200 or page.resource.get("type") != "searchset":
            yield f"page {number}: expected status 200 and a searchset, found {page.status}: {_said(page)}"
            return
        yield from _page_problems(case, number, page)
    yield from _match_problems(case, pages)
    included = {_key(each) for page in pages for each in _entries(page, "include")}
    if included != (wanted := set(case.told.get("included", ()))):
        yield f"included: expected {sorted(wanted)}, found {sorted(included)}"
    yield from _total_problems(case, pages)
    if "warns" in case.told:
        issues = [issue for each in _entries(pages[0], "outcome") for issue in each["resource"]["issue"]]
        yield from _issue_problems(case.told["warns"], issues, "a warning in the Bundle")
    yield from _showing_problems(case, pages)


def refusal_problems(case: Case, reply: Reply) -> Iterator[str]:
    """Yield what is wrong with the answer to a search that must be refused."""
    if reply.status != case.told["status"]:
        yield f"status: expected {case.told['status']}, found {reply.status}: {_said(reply)}"
    elif reply.resource.get("resourceType") != "OperationOutcome":
        yield f"expected an OperationOutcome, found {reply.resource.get('resourceType')}"
    else:
        yield from _issue_problems(case.told.get("issue", {}), reply.resource["issue"], "an issue")


def _page_problems(case: Case, number: int, page: Reply) -> Iterator[str]:
    entries = page.resource.get("entry", [])
    modes = [each.get("search", {}).get("mode") for each in entries]
    if not MODES.issuperset(modes):
        yield f"page {number}: search.mode is {sorted({str(mode) for mode in modes})}"
    repeated = [url for url, times in Counter(each.get("fullUrl") for each in entries).items() if url and times > 1]
    if repeated:
        yield f"page {number}: twice there: {repeated}"
    for each in entries:
        resource, url = each["resource"], each.get("fullUrl", "")
        if modes != ["outcome"] and "#" not in url and each.get("search", {}).get("mode") != "outcome":
            wanted = f"{BASE}/{resource['resourceType']}/{resource['id']}"
            if url != wanted:
                yield f"page {number}: fullUrl: expected {wanted}, found {url}"
    yield from _self_problems(case, number, page)


def _self_problems(case: Case, number: int, page: Reply) -> Iterator[str]:
    own = link(page, "self")
    if own is None or not own.startswith(BASE):
        yield f"page {number}: the self link is {own}"
        return
    applied = parse_qsl(urlsplit(own).query, keep_blank_values=True)
    asked = target(case.told["request"])[2] + "&" + encoded(case.told.get("form", ""))
    ignored = set(case.told.get("ignored", ()))
    names = {name for name, value in parse_qsl(asked) if value} - _NOT_SEARCHED
    if missing := names - ignored - {name for name, _ in applied}:
        yield f"page {number}: the self link lacks {sorted(missing)}: {own}"
    if kept := ignored & {name for name, _ in applied}:
        yield f"page {number}: the self link has {sorted(kept)}, which had to be ignored: {own}"
    for pair in case.told.get("self", ()):
        if tuple(pair.split("=", 1)) not in applied:
            yield f"page {number}: the self link lacks {pair}: {own}"


def _match_problems(case: Case, pages: list[Reply]) -> Iterator[str]:
    sizes = [len(list(_entries(page, "match"))) for page in pages]
    found = [_key(each) for page in pages for each in _entries(page, "match")]
    twice = [key for key, times in Counter(found).items() if times > 1]
    if twice:
        yield f"matched more than once in the walk: {twice}"
    if "ordered" in case.told and found != case.told["ordered"]:
        yield f"in order: expected {case.told['ordered']}, found {found}"
    if "ids" in case.told and set(found) != (wanted := set(case.told["ids"])):
        yield f"expected {sorted(wanted)}, found {sorted(set(found))}"
        yield f"missing {sorted(wanted - set(found))}, too many {sorted(set(found) - wanted)}"
    if "pages" in case.told and sizes != case.told["pages"]:
        yield f"matches on each page: expected {case.told['pages']}, found {sizes}"


def _total_problems(case: Case, pages: list[Reply]) -> Iterator[str]:
    total = pages[0].resource.get("total")
    if "total" in case.told:
        if total != case.told["total"]:
            yield f"total: expected {case.told['total']}, found {total}"
    elif total is not None and "_total=estimate" not in case.told["request"] and "during" not in case.told:
        matches = sum(len(list(_entries(page, "match"))) for page in pages)
        if total != matches:
            yield f"total: there are {matches} matches, found {total}"


def _showing_problems(case: Case, pages: list[Reply]) -> Iterator[str]:
    shown = {_key(each): each["resource"] for page in pages for each in page.resource.get("entry", ())}
    for key, wanted in case.told.get("shows", {}).items():
        resource = shown.get(key, {})
        if missing := set(wanted.get("has", ())) - resource.keys():
            yield f"{key} lacks {sorted(missing)}: it has {sorted(resource)}"
        if kept := set(wanted.get("lacks", ())) & resource.keys():
            yield f"{key} must not show {sorted(kept)}"
        marked = any(tag.get("code") == "SUBSETTED" for tag in resource.get("meta", {}).get("tag", ()))
        if "subsetted" in wanted and marked is not wanted["subsetted"]:
            yield f"{key}: the tag SUBSETTED is {'there' if marked else 'missing'}"


def _issue_problems(wanted: Json, issues: list[Json], what: str) -> Iterator[str]:
    """One of the issues must have all that is wanted: code, words of its diagnostics, expression."""
    if not any(_fits(wanted, issue) for issue in issues):
        yield f"expected {what} with {wanted}, found {issues}"


def _fits(wanted: Json, issue: Json) -> bool:
    said = issue.get("diagnostics", "").lower()
    names = issue.get("expression", [])
    name = wanted.get("expression")
    return (
        issue["code"] == wanted.get("code", issue["code"])
        and all(word.lower() in said for word in wanted.get("words", ()))
        and (name is None or any(each == name or each.startswith((f"{name}:", f"{name}.")) for each in names))
    )


def _entries(page: Reply, mode: str) -> Iterator[Json]:
    return (each for each in page.resource.get("entry", ()) if each.get("search", {}).get("mode") == mode)


def _key(entry: Json) -> str:
    return str(entry.get("fullUrl", "")).removeprefix(f"{BASE}/")


def _said(reply: Reply) -> str:
    issues = reply.resource.get("issue", [])
    return "; ".join(each.get("diagnostics", each["code"]) for each in issues) or str(reply.resource)[:200]
