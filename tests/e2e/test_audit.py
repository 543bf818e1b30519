"""The audit trail from outside: what leaves a row, who can see it, and what the commands find after tampering."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest

from fhir_server.store.audit import AuditRow
from fhir_server.store.audit_chain import START, decode_row, encode_row, link
from tests.fakes.command import Running, fhir_server

Json = dict[str, Any]
JSON = {"Content-Type": "application/fhir+json"}
PATIENT = {"resourceType": "Patient", "id": "ann", "name": [{"family": "Moreau"}]}
BUNDLE = {
    "resourceType": "Bundle",
    "type": "batch",
    "entry": [
        {"request": {"method": "GET", "url": "Patient/ann"}},
        {"request": {"method": "GET", "url": "Patient/absent"}},
        {"request": {"method": "FETCH", "url": "Patient/ann"}},
    ],
}
# Request, and the rows it leaves: action, target, status.
REQUESTS: tuple[tuple[str, str, object, list[tuple[str, str, int]]], ...] = (
    ("PUT", "/Patient/ann", PATIENT, [("update", "Patient/ann/_history/1", 201)]),
    ("GET", "/Patient/ann", None, [("read", "Patient/ann", 200)]),
    ("GET", "/Patient/ann?_summary=true", None, [("read", "Patient/ann", 200)]),
    ("GET", "/Patient/ann/_history/1", None, [("vread", "Patient/ann/_history/1", 200)]),
    ("GET", "/Patient/ann/_history", None, [("history", "Patient/ann", 200)]),
    ("GET", "/Patient?family=Moreau", None, [("search", "Patient", 200)]),
    ("GET", "/Patient?nonsense=1", None, [("search", "Patient", 400)]),
    ("GET", "/Patient/ann/Observation", None, [("search", "Patient/ann/Observation", 200)]),
    ("GET", "/Patient/absent", None, [("read", "Patient/absent", 404)]),
    ("GET", "/metadata", None, [("capabilities", "", 200)]),
    ("PUT", "/Patient/bad", {"resourceType": "Patient", "id": "bad", "x": 1}, [("update", "Patient/bad", 422)]),
    ("PUT", "/Patient/ann", [PATIENT], [("update", "Patient/ann", 400)]),
    ("POST", "/Patient", {"name": [{"family": "Moreau"}]}, [("create", "Patient", 400)]),
    ("POST", "/ValueSet/$expand", None, [("$expand", "ValueSet", 400)]),
    ("GET", "/CodeSystem/$lookup?system=http://hl7.org/fhir/administrative-gender&code=male", None,
     [("$lookup", "CodeSystem", 200)]),
    ("POST", "/Patient/$validate", PATIENT, [("$validate", "Patient", 200)]),
    ("POST", "", BUNDLE, [("batch", "", 400), ("read", "Patient/ann", 200), ("read", "Patient/absent", 404)]),
    ("POST", "", BUNDLE | {"type": "transaction", "entry": BUNDLE["entry"][:1]}, [("transaction", "", 200)]),  # type: ignore[index]
    ("POST", "", {"resourceType": "Bundle", "type": "message"}, [("bundle", "", 400)]),
    ("GET", "/AuditEvent?patient=ann&_count=1", None, [("search", "AuditEvent", 200)]),
    ("GET", "/AuditEvent/1", None, [("read", "AuditEvent/1", 200)]),
    ("DELETE", "/AuditEvent/1", None, [("delete", "AuditEvent/1", 405)]),
    ("DELETE", "/Patient/ann", None, [("delete", "Patient/ann/_history/2", 204)]),
    ("GET", "/Patient/ann", None, [("read", "Patient/ann", 410)]),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("audit")


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[AuditRow]:
    """Send `REQUESTS` and a request to a foreign host, and return the rows of the file after the server has stopped."""
    arguments = ["serve", "--auth", "open", "--port", "0", "--store", f"sqlite:///{folder}/fhir.db"]
    more = {
        "FHIR_SERVER_TELEMED_PROFILES": "false",
        "FHIR_SERVER_TRUSTED_PROXIES": "127.0.0.1",
        "FHIR_SERVER_AUDIT_ANCHOR_FILE": f"{folder}/anchors.jsonl",
    }
    with Running(arguments, folder, **more) as server, httpx.Client(base_url=f"{server.root}/fhir") as client:
        for method, path, body, _ in REQUESTS:
            client.request(method, path, json=body, headers=JSON if body else None)
        forwarded = {"X-Forwarded-For": "10.0.0.1, 192.0.2.44", "X-Request-Id": "from-afar"}
        assert client.get("/Patient/ann", headers=forwarded).status_code == 410
        assert client.get("/Patient/ann", headers={"Host": "evil.example"}).status_code == 421
        # Verified while it is served, and anchored from outside.
        assert fhir_server("audit", "verify", "--store", f"sqlite:///{folder}/fhir.db", folder=folder).returncode == 0
    with sqlite3.connect(folder / "fhir.db") as file:
        return [decode_row(row) for (row,) in file.execute("SELECT row FROM audit ORDER BY seq")]


def test_every_request_leaves_its_rows(rows: list[AuditRow]) -> None:
    expected = [row for *_, left in REQUESTS for row in left]
    assert [(row.action, row.target, row.status) for row in rows[:-2]] == expected
    assert {row.actor for row in rows[:-1]} == {"anonymous"}
    assert {row.address for row in rows[:-2]} == {"127.0.0.1"}
    assert all(row.request for row in rows)
    assert "Moreau" not in str(rows)


def test_a_trusted_proxy_tells_where_a_request_came_from(rows: list[AuditRow]) -> None:
    assert (rows[-2].request, rows[-2].address) == ("from-afar", "192.0.2.44")


def test_who_is_turned_away_at_the_door_is_in_the_trail(rows: list[AuditRow]) -> None:
    last = rows[-1]
    assert (last.actor, last.action, last.status, last.target) == ("unknown", "admission", 421, "")


@pytest.fixture
def store(folder: Path, rows: list[AuditRow], tmp_path: Path) -> Path:
    """Return a copy of the store, with the key and the anchors beside it."""
    for name in ("fhir.db", "fhir.db.audit-key.pem", "anchors.jsonl"):
        shutil.copy(folder / name, tmp_path / name)
    return tmp_path / "fhir.db"


def tamper(store: Path, *statements: str) -> None:
    """Change the file as somebody would who can write it: without the triggers."""
    with sqlite3.connect(store) as file:
        for name in ("has_no_gaps", "is_not_updated", "is_not_deleted"):
            file.execute(f"DROP TRIGGER audit_{name}")
        for statement in statements:
            file.execute(statement)
    file.close()


def verify(store: Path, *more: str) -> tuple[int, str]:
    done = fhir_server("audit", "verify", "--store", f"sqlite:///{store}", *more, folder=store.parent)
    return done.returncode, done.stdout + done.stderr


def test_a_whole_trail_is_proved_with_its_anchors(store: Path, rows: list[AuditRow]) -> None:
    code, told = verify(store, "--anchors", str(store.parent / "anchors.jsonl"))
    assert (code, told.strip()) == (
        0,
        f"The audit trail is whole: {len(rows)} rows, 1 anchors, the last of row {len(rows)}.",
    )
    assert (store.parent / "fhir.db.audit-key.pem").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        (["UPDATE audit SET row = CAST(replace(row, 'nony', 'nomy') AS BLOB) WHERE seq = 5"], "breaks at row 5"),
        (["UPDATE audit SET hash = zeroblob(32) WHERE seq = 6"], "breaks at row 6"),
        (["DELETE FROM audit WHERE seq = 7"], "row 7 is missing"),
        (["UPDATE audit SET seq = -3 WHERE seq = 3", "UPDATE audit SET seq = 3 WHERE seq = 4",
          "UPDATE audit SET seq = 4 WHERE seq = -3"], "breaks at row 3"),
        (["DELETE FROM audit WHERE seq > 10"], "lost its end: it ends at row 10"),
    ],
)  # fmt: skip
def test_tampering_is_found_and_the_first_broken_link_named(store: Path, statements: list[str], told: str) -> None:
    tamper(store, *statements)
    code, said = verify(store)
    assert code == 1
    assert told in said


def test_a_chain_made_anew_with_its_anchors_is_caught_by_an_anchor_kept_elsewhere(store: Path) -> None:
    rewrite(store)
    with sqlite3.connect(store) as file:
        file.execute("DELETE FROM record WHERE tbl = 'audit_anchor'")
    file.close()
    assert verify(store)[0] == 0
    code, said = verify(store, "--anchors", str(store.parent / "anchors.jsonl"))
    assert code == 1
    assert "was rewritten" in said


def test_a_chain_made_anew_with_anchors_of_another_key_is_caught_by_the_key(store: Path) -> None:
    public = fhir_server("audit", "anchor", "--public-key", "--store", f"sqlite:///{store}", folder=store.parent)
    (store.parent / "key.pub.pem").write_text(public.stdout)
    rewrite(store)
    (store.parent / "fhir.db.audit-key.pem").unlink()
    forged = fhir_server("audit", "anchor", "--store", f"sqlite:///{store}", folder=store.parent).stdout
    with sqlite3.connect(store) as file:
        file.execute("UPDATE record SET value = ? WHERE tbl = 'audit_anchor'", (json.dumps({"line": forged.strip()}),))
    file.close()
    assert verify(store)[0] == 0
    code, said = verify(store, "--key", str(store.parent / "key.pub.pem"))
    assert code == 1
    assert "another key" in said


def rewrite(store: Path) -> None:
    """Change a row and make the chain behind it anew, as somebody would who can write the file."""
    with sqlite3.connect(store) as file:
        rows = [decode_row(row) for (row,) in file.execute("SELECT row FROM audit ORDER BY seq")]
    file.close()
    digest, made = START, []
    for n, row in enumerate(rows, 1):
        data = encode_row(AuditRow(row.time, "nobody", "capabilities", "", 200, row.request) if n == 2 else row)
        digest = link(digest, data)
        made.append((data, digest, n))
    tamper(store)
    with sqlite3.connect(store) as file:
        file.executemany("UPDATE audit SET row = ?, hash = ? WHERE seq = ?", made)
    file.close()


def test_the_file_refuses_changes_and_removals(store: Path) -> None:
    with sqlite3.connect(store) as file:
        for statement in ("UPDATE audit SET row = x'00'", "DELETE FROM audit WHERE seq = 1"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                file.execute(statement)
    file.close()


def test_the_trail_is_listed_and_exported(store: Path, rows: list[AuditRow]) -> None:
    address = f"sqlite:///{store}"
    listed = fhir_server("audit", "list", "--last", "3", "--store", address, folder=store.parent).stdout.splitlines()
    assert len(listed) == 4
    assert listed[-1].split()[0] == str(len(rows))
    exported = fhir_server("audit", "export", "--store", address, "--after", "1", folder=store.parent).stdout
    events = [json.loads(line) for line in exported.splitlines()]
    assert {each["resourceType"] for each in events} == {"AuditEvent"}
    assert len({each["id"] for each in events}) == len(events) == len(rows) - 1
