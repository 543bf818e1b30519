"""Extensions anywhere in a resource: those that are known are checked by their definition, and where they may stand.

An unknown extension is told of and otherwise let be; an unknown modifier extension is an error, for it may change the
meaning of what it stands in (http://hl7.org/fhir/R4/extensibility.html).
"""

from __future__ import annotations

from typing import Any

from profiles.definitions import core_profiles
from profiles.fhirpath.engine import Expression, compile_expression
from profiles.fhirpath.errors import FhirPathError
from profiles.fhirpath.shapes import Child, Shape
from profiles.validation.profiled.at import At
from profiles.validation.profiled.conform import findings
from profiles.validation.profiled.constraints import holds
from profiles.validation.profiled.profile import Profile
from profiles.validation.profiled.run import Run

NAMES = ("extension", "modifierExtension")
ANYWHERE = frozenset({"Element", "Any", "*"})
_FHIR = "http://hl7.org/fhir/StructureDefinition/"
_ALSO = {
    f"{_FHIR}structuredefinition-fhir-type": "ElementDefinition.type",
    f"{_FHIR}regex": "ElementDefinition.type",
    f"{_FHIR}structuredefinition-normative-version": "*",
}
"""Where R4's own definitions have extensions that their contexts do not allow there."""


def check_extensions(at: At, run: Run) -> None:
    """Add the findings about all extensions in a resource, those inside other resources in it left out."""
    _walk(at, at, run)


def _walk(at: At, root: At, run: Run) -> None:
    if at.value.__class__ is dict:
        children = at.shape.by_json
        for name in at.value:
            child = children.get(name) or children.get(name[1:] if name[:1] == "_" else name)
            if child is None or child.resource or (name[:1] == "_" and name[1:] in at.value):
                continue
            if child.primitive and child.sibling not in at.value:
                continue
            _values(at, child, root, run)
    elif at.sibling:
        _values(at, at.shape.by_json["extension"], root, run)


def _values(at: At, child: Child, root: At, run: Run) -> None:
    for each in at.values(child):
        if child.name in NAMES:
            _extension(each, at, root, child.name == "modifierExtension", run)
        else:
            _walk(each, root, run)


def _extension(at: At, host: At, root: At, modifier: bool, run: Run) -> None:
    """Check one extension, and what is in it where its definition does not."""
    url = at.value.get("url") if isinstance(at.value, dict) else None
    if not isinstance(url, str):
        return
    inner = host.shape.type == "Extension"
    if inner and ":" not in url:
        # A part of a complex extension: the definition of the whole speaks of it.
        _walk(at, root, run)
        return
    if ":" not in url:
        what = "has a relative url; the url of an extension is the absolute address of its definition"
        run.add("error", "value", at, what, "extension-url")
        return
    profile = run.find(url)
    if profile is None or profile.type != "Extension":
        _unknown(at, url, modifier, run)
    else:
        run.issues += findings(at, url, run, url)
        speaker, run.profile = run.profile, profile.canonical
        _context_of_use(at, host, root, profile, run)
        if modifier != _is_modifier(profile):
            right = "modifierExtension" if not modifier else "extension"
            run.add("error", "structure", at, f"is an extension that belongs in {right}; move it there", url)
        run.profile = speaker
    _walk(at, root, run)


def _unknown(at: At, url: str, modifier: bool, run: Run) -> None:
    shown = url if len(url) <= 200 else f"{url[:200]}..."
    if modifier:
        what = f"is the modifier extension {shown}, which is not known here and may change the meaning; install the"
        run.add("error", "extension", at, f"{what} package that defines it or remove it", "extension-known")
    elif url.startswith(_FHIR) and _known_nowhere(url):
        what = f"is the extension {shown}, which R4 does not define; correct the url, or install its package"
        run.add("error", "extension", at, what, "extension-known")
    else:
        what = (
            f"is the extension {shown}, which is not known here and is not checked; install the package that defines it"
        )
        run.add("information", "extension", at, what, "extension-known")


def _known_nowhere(url: str) -> bool:
    """Whether the url of an extension is HL7's, but that of no definition of R4."""
    return url not in core_profiles()


def _is_modifier(profile: Profile) -> bool:
    return profile.tree.root.raw.get("isModifier") is True


def _context_of_use(at: At, host: At, root: At, profile: Profile, run: Run) -> None:
    """Check that the extension may stand where it does (http://hl7.org/fhir/R4/defining-extensions.html#context)."""
    allowed = profile.structure.get("context")
    rows = [each for each in allowed if isinstance(each, dict)] if isinstance(allowed, list) else []
    if rows and not any(_allows(row, host, root, run) for row in rows) and not _also(profile.url, host):
        places = ", ".join(sorted(str(row.get("expression")) for row in rows))
        what = f"is the extension {profile.url}, which may only stand in {places}; move it there or remove it"
        run.add("error", "extension", at, what, "context")
    listed = profile.structure.get("contextInvariant")
    for text in listed if isinstance(listed, list) else ():
        expression = _compiled(text)
        try:
            if expression is None or holds(expression, host, run):
                continue
        except FhirPathError:
            continue
        what = f"is the extension {profile.url}, which may stand only where this holds: {text}"
        run.add("error", "extension", at, what, "contextInvariant")


def _also(url: str, host: At) -> bool:
    place = _ALSO.get(url)
    return place in ANYWHERE or place in places_of(host)


def _allows(row: dict[str, Any], host: At, root: At, run: Run) -> bool:
    kind, text = row.get("type"), row.get("expression")
    if not isinstance(text, str):
        return True
    if kind == "extension":
        wanted, _, part = text.partition("#")
        value = host.value
        if part:
            outer = host.before.value if host.before is not None else None
            return isinstance(outer, dict) and outer.get("url") == wanted and value.get("url") == part
        return isinstance(value, dict) and value.get("url") == wanted
    if kind == "fhirpath":
        expression = _compiled(text)
        if expression is None:
            return True
        try:
            found = expression.nodes_from(root.node, environment=run.environment)
        except FhirPathError:
            return True
        return any(node.value is host.value and node.shape is host.shape for node in found)
    if "http:" in text or "https:" in text:
        # An element of a profile: whether the host conforms to it is not asked.
        return True
    return text in ANYWHERE or text in places_of(host)


def _compiled(text: Any) -> Expression | None:
    """Return a compiled expression of a definition, None for one that cannot be read."""
    try:
        return compile_expression(text, lenient=True) if isinstance(text, str) else None
    except (FhirPathError, RecursionError):
        return None


def places_of(at: At) -> frozenset[str]:
    """Return all that definitions may call the element at hand: its types, and its paths from each of its ancestors.

    `Patient.contact.name` is `HumanName`, `Element`, `Patient.contact.name` and `DomainResource`'s nothing.
    """
    shape: Shape = at.shape
    found = set(shape.ancestors)
    if shape.path:
        found.add(f"{shape.structure}.{shape.path}")
    if shape.resource or at.before is None:
        return frozenset(found)
    for place in places_of(at.before):
        if place not in ("Element", "BackboneElement") or at.label in ("id", "extension"):
            found |= {f"{place}.{at.label}"}
            if at.before.shape.children.get(at.label).__class__ is dict:
                found.add(f"{place}.{at.label}[x]")
    return frozenset(found)
