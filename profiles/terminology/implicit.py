"""Value sets that nobody writes, because their url says what is in them.

SNOMED CT: http://hl7.org/fhir/R4/snomedct.html#implicit. LOINC: http://hl7.org/fhir/R4/loinc.html#implicit. Any code
system can name the value set of all its codes (CodeSystem.valueSet); that is in its resource, not here.
"""

from __future__ import annotations

from profiles.terminology.canonical import unversioned, version_of
from profiles.terminology.errors import NotExpandable
from profiles.terminology.rules import LOINC, REFSET, SNOMED
from profiles.terminology.value_set import Filter, Include, ValueSet

_QUERY = "?fhir_vs"
_LOINC_SETS = f"{LOINC}/vs"


def implicit(canonical: str) -> tuple[str, ValueSet] | None:
    """Return the canonical of the code system and the definition that an implicit value set's url means.

    None for a url that means none; raises NotExpandable for one that is not followed here.
    """
    url = unversioned(canonical)
    if url.startswith(SNOMED) and _QUERY in url:
        return _snomed(url)
    if url == _LOINC_SETS or url.startswith(f"{_LOINC_SETS}/"):
        return _loinc(url, version_of(canonical))
    return None


def _snomed(url: str) -> tuple[str, ValueSet] | None:
    base, _, asked = url.partition(_QUERY)
    edition = base.removeprefix(SNOMED)
    if edition and not edition.startswith("/"):
        return None
    version = base if edition else None
    system = f"{SNOMED}|{version}" if version else SNOMED
    kind, _, code = asked.removeprefix("=").partition("/")
    filters: tuple[Filter, ...]
    match kind, code:
        case "", "":
            filters = ()
        case "isa", str(root) if root:
            filters = (Filter("concept", "is-a", root),)
        case "refset", "":
            filters = (Filter(REFSET, "exists", "true"),)
        case "refset", str(refset):
            filters = (Filter("concept", "in", refset),)
        case _:
            reason = f"the value set {url} is not one of the forms fhir_vs, fhir_vs=isa/…, fhir_vs=refset and /…"
            raise NotExpandable(url, reason, "store a ValueSet with the filters that are meant")
    return system, _made(url, SNOMED, version, filters)


def _loinc(url: str, version: str | None) -> tuple[str, ValueSet]:
    system = f"{LOINC}|{version}" if version else LOINC
    code = url.removeprefix(_LOINC_SETS).removeprefix("/")
    if not code:
        return system, _made(url, LOINC, version, ())
    if code.startswith("LL"):
        reason = f"the value set {url} is an implicit one, an answer list, and those are not loaded"
        raise NotExpandable(url, reason, "store a ValueSet of that url that lists its codes")
    return system, _made(url, LOINC, version, (Filter("concept", "is-a", code),))


def _made(url: str, system: str, version: str | None, filters: tuple[Filter, ...]) -> ValueSet:
    return ValueSet(url, None, (Include(system, version, None, filters, ()),), ())
