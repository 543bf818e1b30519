"""The files of a record: DocumentReferences, listed in order in a section of the Composition.

What a file is called and what it holds is written once, by `document`; a record only says which files it has and in
which order. The bytes are a Binary that the DocumentReference names.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mappings.concepts.names import LOINC, definition
from mappings.paths.path import Json, Leaf
from mappings.views.kind import ID, OR_NONE, TEXT, Kind
from mappings.views.soap import FILES, has_code
from mappings.views.view import Parts

TITLE = "Documents"
_NAME = r"[A-Za-z0-9][\w!#$&^.+-]*"
_TOKEN = r"[\w!#$%&'*+.^`|~-]+"
_QUOTED = r'"(?:[!#-\[\]-~]|\\[!-~]| (?! ))*"'
_MEDIA_TYPE = re.compile(f"{_NAME}/{_NAME}(?: ?; ?{_TOKEN}=(?:{_TOKEN}|{_QUOTED}))*", re.ASCII)
"""RFC 6838, 4.2 and RFC 9110, 8.3.1, as far as the type `code` of FHIR holds it: no two blanks in a row."""


def document(file: Mapping[str, Any], content: bytes, composition: Json, moment: str) -> tuple[Json, Json]:
    """Return the DocumentReference and the Binary of a file of a record.

    `file` has the `id` of the DocumentReference, that of the Binary (`binary_id`), `filename` and `content_type`;
    `moment` is when it was attached (instant).
    """
    title = TEXT.write(file["filename"])
    attachment: Json = {
        "contentType": file["content_type"],
        "url": f"Binary/{file['binary_id']}",
        "size": len(content),
        "hash": base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode(),
    }
    attachment |= {"title": title.value} if title.beside is None else {"_title": title.beside}
    subject = {"reference": composition["subject"]["reference"]}
    made: Json = {
        "resourceType": "DocumentReference",
        "id": file["id"],
        "extension": [{"url": definition("inserted-at"), "valueInstant": moment}],
        "status": "current",
        "subject": subject,
        "date": moment,
        "author": [dict(each) for each in composition["author"]],
        "content": [{"attachment": attachment}],
    }
    if "encounter" in composition:
        made["context"] = {"encounter": [dict(composition["encounter"])]}
    binary: Json = {
        "resourceType": "Binary",
        "id": file["binary_id"],
        "contentType": file["content_type"],
        "securityContext": dict(subject),
        "data": base64.b64encode(content).decode(),
    }
    return made, binary


def file_faults(file: Any) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a file: which part of it (`filename`, `content_type`, `content`), and a message."""
    fault = TEXT.fault(file.filename)
    if fault:
        yield "filename", fault
    if not is_media_type(file.content_type):
        yield "content_type", "must be a media type, such as application/pdf"
    if not file.content:
        yield "content", "must not be empty"


def is_media_type(value: Any) -> bool:
    """Return whether a value is a media type, fit for a header as it is."""
    return isinstance(value, str) and _MEDIA_TYPE.fullmatch(value) is not None


def read_attachments(parts: Parts) -> list[Json]:
    """Return the files of a record that are among its parts, in the order in which the Composition lists them."""
    composition = parts["Composition"][0]
    known = {each.get("id"): each for each in parts.get("DocumentReference", ())}
    return [_shown(known[id], composition.get("id")) for id in _listed(composition) if id in known]


def write_attachments(parts: Parts, files: Sequence[Mapping[str, Any]]) -> None:
    """List these files, in this order; what else the section lists stays behind them."""
    composition = parts["Composition"][0]
    before = set(_listed(composition)) & {each.get("id") for each in parts.get("DocumentReference", ())}
    section = next((each for each in composition.get("section", ()) if has_code(each, (FILES,))), None)
    entries = list(section.get("entry", ())) if section else []
    others = [each for each in entries if _id(each) not in before]
    by_id = {_id(each): each for each in entries}
    listed = [by_id.get(each["id"]) or {"reference": f"DocumentReference/{each['id']}"} for each in files]
    _put(composition, section, [*listed, *others])


def _put(composition: Json, section: Json | None, entries: list[Json]) -> None:
    sections = composition.setdefault("section", [])
    if entries and section is None:
        section = {"title": TITLE, "code": {"coding": [{"system": LOINC, "code": FILES}]}}
        sections.append(section)
    if section is not None and entries:
        section["entry"] = entries
        section.pop("emptyReason", None)
    elif section is not None:
        section.pop("entry", None)
        if "text" not in section and not section.get("section"):
            composition["section"] = [each for each in sections if each is not section]
    if not composition["section"]:
        del composition["section"]


def _listed(composition: Json) -> list[str]:
    sections = [each for each in composition.get("section", ()) if has_code(each, (FILES,))]
    return [id for each in sections for entry in each.get("entry", ()) if (id := _id(entry))]


def _id(reference: Json) -> str | None:
    type, _, id = reference.get("reference", "").partition("/")
    return id if type == "DocumentReference" else None


def _shown(resource: Json, record: str | None) -> Json:
    """Return a file as the view shows it; `url` is relative to the API."""
    attachment = (resource.get("content") or [{}])[0].get("attachment", {})
    title = TEXT.read(Leaf(attachment.get("title"), attachment.get("_title")))
    return {
        "id": resource.get("id"),
        "filename": title,
        "content_type": attachment.get("contentType"),
        "size": attachment.get("size"),
        "url": f"medical_records/{record}/attachments/{resource.get('id')}",
    }


def _fault(value: Any) -> str | None:
    if not isinstance(value, list) or not all(isinstance(each, Mapping) and "id" in each for each in value):
        return "must be a list of files, each with its id"
    ids = [each["id"] for each in value]
    if any(ID.fault(each) for each in ids) or len(set(ids)) != len(ids):
        return "must name each file once, by its id"
    return None


_FILE: Json = {
    "type": "object",
    "properties": {
        "id": dict(ID.schema),
        "filename": dict(OR_NONE),
        "content_type": dict(OR_NONE),
        "size": {"type": ["integer", "null"]},
        "url": {"type": "string"},
    },
    "required": ["id", "filename", "content_type", "size", "url"],
}
_NAMED: Json = {"type": "array", "items": {"type": "object", "properties": {"id": dict(ID.schema)}, "required": ["id"]}}
ATTACHMENTS = Kind("list of files", _NAMED, _fault)
SHOWN: Json = {"type": "array", "items": _FILE}
"""What is shown of the files; a write only names them, by their ids."""
