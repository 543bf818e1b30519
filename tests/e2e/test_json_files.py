"""Files of medical records over the JSON API: in parts, by whoever may read them (RFC 9110, 14)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.test_json_records import in_care_of, written
from tests.fakes.practice import Person, Practice, open_practice


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    with open_practice(tmp_path_factory.mktemp("files")) as opened:
        yield opened


@pytest.fixture(scope="module")
def doctor(clinic: Practice) -> Person:
    return clinic.doctor("doc@clinic.example", "10101201234")


def test_a_file_is_read_in_parts_by_whoever_may_read_it(clinic: Practice, doctor: Person) -> None:
    patient, other = in_care_of(clinic, doctor, "parts@clinic.example"), clinic.register("noparts@clinic.example")
    path = f"medical_records/{written(doctor, patient)['id']}"
    for content in (bytes(range(256)) * 8, bytes(range(256)) * 8192):
        sent = doctor.send(f"{path}/attachments", "a.mp4", content, "video/mp4")
        url = sent.json()["data"]["attachments"][-1]["url"]
        told = patient.ask("HEAD", url)
        assert (told.status_code, told.content, told.headers["content-length"]) == (200, b"", str(len(content)))
        tag = told.headers["etag"]
        begun = patient.ask("GET", url, Range="bytes=0-999")
        rest = patient.ask("GET", url, Range="bytes=1000-", If_Range=tag)
        assert [each.status_code for each in (begun, rest)] == [206, 206]
        assert begun.content + rest.content == content
        assert rest.headers["content-range"] == f"bytes 1000-{len(content) - 1}/{len(content)}"
        beyond = patient.ask("GET", url, Range=f"bytes={len(content)}-")
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(content)}")
        assert "beyond" in beyond.json()["error"]["message"]
        assert patient.ask("GET", url, Range="bytes=0-1", If_Range='"another.1"').content == content
        assert patient.ask("GET", url, If_None_Match=tag).status_code == 304
        for method in ("GET", "HEAD"):
            assert other.ask(method, url, Range="bytes=0-1").status_code == 404
    assert doctor.ask("PUT", url).headers["allow"] == "GET, HEAD"
