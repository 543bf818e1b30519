"""The file of a form (RFC 7578): exactly one, in the part `file`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import UploadFile

from fhir_server.api.acting import ActingHere
from mappings.errors import Unfit
from mappings.transactions.record import File
from mappings.views.attachments import file_faults
from profiles.issues import Issue

PART = "file"
NEEDED = "is needed: one file, with its name, in a form (multipart/form-data)"
FAULTS: Mapping[str, str] = {
    "filename": "must have a name of more than blanks, without control characters",
    "content_type": "must have a media type, such as application/pdf",
    "content": "must not be empty",
}
"""What is wrong with a file, by which part of it is."""
FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {PART: {"type": "string", "contentMediaType": "application/octet-stream"}},
                    "required": [PART],
                }
            }
        },
    }
}
"""The form, in the words of OpenAPI."""


async def uploaded(request: Request, acting: ActingHere) -> File:
    """Return the file of the form; who asks is known before it is read. Raises Unfit, HTTPException for no form."""
    async with request.form() as form:
        sent = form.getlist(PART)
        if len(sent) != 1 or not isinstance(sent[0], UploadFile):
            raise Unfit([Issue("error", "required", NEEDED, PART)])
        type = sent[0].content_type or "application/octet-stream"
        made = File(_named(sent[0].filename or ""), type, await sent[0].read())
    told = [FAULTS[part] for part, _ in file_faults(made)]
    if told:
        raise Unfit([Issue("error", "invalid", each, PART) for each in told])
    return made


def _named(filename: str) -> str:
    # A quotation mark is written like this in a form: https://html.spec.whatwg.org/#multipart-form-data
    return filename.replace("%22", '"')


UploadHere = Annotated[File, Depends(uploaded)]
