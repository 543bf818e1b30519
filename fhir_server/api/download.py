"""A file as an answer: whole, a part of it, or only what it is (RFC 9110, 9.3.2 and 14), and what OpenAPI says of that.

Starlette has ranges for files on a disk only, whose tags are made of their times.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from fhir_server.api.documented import header
from fhir_server.api.errors import Described, refused
from fhir_server.http.entity_tags import refusal
from fhir_server.http.headers import collect
from fhir_server.http.ranges import byte_range, cut
from fhir_server.views.medical_records import Download


def download(request: Request, file: Download) -> Response:
    """Return the answer to a GET or HEAD of a file. Raises HTTPException: 412, or 416 beyond its end."""
    asked, length = collect(request.scope["headers"]), file.content.length
    headers = {"ETag": file.tag, "Accept-Ranges": "bytes"}
    match refusal(asked, file.tag.encode()):
        case 412:
            raise HTTPException(412, "The file is another one by now: ask for it without If-Match.", headers)
        case 304:
            return Response(None, 304, headers)
    # Whatever the file is, the browser keeps it and does not run it.
    headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(file.filename, safe='')}"
    # As a header, for as a media type a text would get the name of a charset that nobody has told.
    headers["Content-Type"] = file.content_type
    headers["Content-Length"] = str(length)
    if request.method == "HEAD":
        return Response(None, 200, headers)
    wanted = byte_range(asked, length, file.tag.encode())
    if wanted is None:
        return StreamingResponse(file.content.pieces(0), 200, headers)
    if not wanted:
        told = f"The Range asks for bytes beyond the {length} there are."
        raise HTTPException(416, told, {"Content-Range": f"bytes */{length}", "Accept-Ranges": "bytes"})
    headers["Content-Length"] = str(len(wanted))
    headers["Content-Range"] = f"bytes {wanted[0]}-{wanted[-1]}/{length}"
    return StreamingResponse(cut(file.content.pieces(wanted.start), len(wanted)), 206, headers)


_TOLD = {
    "Content-Disposition": header("Its name; it is to be kept, not shown."),
    "ETag": header("Strong: the same for the same bytes."),
    "Accept-Ranges": header("`bytes`."),
}
_BYTES = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
_PART = header("Which bytes of how many.")
ABOUT: Described = {
    200: {"description": "What the file is: its media type, its length, its name.", "headers": _TOLD},
    304: {"description": "The file is the one that If-None-Match names."},
    **refused(412),
}
FILE: Described = {
    **ABOUT,
    200: {"description": "The bytes, with the media type that they came with.", "content": _BYTES, "headers": _TOLD},
    206: {"description": "The bytes of Range.", "content": _BYTES, "headers": _TOLD | {"Content-Range": _PART}},
    416: refused(416)[416] | {"headers": {"Content-Range": header("How many bytes there are: `bytes */1234`.")}},
}
RANGE: dict[str, Any] = {
    "parameters": [
        {
            "name": "Range",
            "in": "header",
            "description": "One range of bytes, such as `bytes=0-1023`; for anything else the file comes whole.",
            "schema": {"type": "string"},
        },
        {
            "name": "If-Range",
            "in": "header",
            "description": "The ETag of what was read before: for another one the file comes whole.",
            "schema": {"type": "string"},
        },
    ]
}
