"""Anchors of a store that is served: made when there is something new, kept in store and file, with a key."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fhir_server.anchoring import TABLE, Anchoring, KeyUnusable, signing_key
from fhir_server.store.audit import AuditRow
from fhir_server.store.audit_anchor import is_signed, read_anchor
from fhir_server.store.base import Store
from fhir_server.store.connect import connect
from tests.fakes.patience import until

ROW = AuditRow(1, "alice", "read", "Patient/1", 200, "r", ("1",))


async def opened(folder: Path) -> Store:
    return await connect(f"sqlite:///{folder}/fhir.db", tables=(TABLE,))


def anchors(path: Path) -> list[int]:
    made = [read_anchor(line) for line in path.read_bytes().splitlines()]
    assert all(each is not None and is_signed(each) for each in made)
    return [each.seq for each in made if each is not None]


def test_an_anchor_is_made_for_what_is_new_and_a_last_one_at_the_end(tmp_path: Path) -> None:
    async def run() -> None:
        store = await opened(tmp_path)
        anchoring = Anchoring(store, tmp_path / "key.pem", lambda: 7, every=0.02, file=tmp_path / "anchors.jsonl")
        anchoring.begin()
        await asyncio.sleep(0.1)
        assert not (tmp_path / "anchors.jsonl").exists()
        await store.audit(ROW, wait=True)
        await until((tmp_path / "anchors.jsonl").exists)
        await store.audit(ROW, wait=True)
        await store.audit(ROW, wait=True)
        await anchoring.stop()
        kept = [record.value["line"].encode() for record in await store.records.scan(TABLE.name)]
        assert kept == (tmp_path / "anchors.jsonl").read_bytes().splitlines()
        await store.close()

    asyncio.run(run())
    made = anchors(tmp_path / "anchors.jsonl")
    assert made[0] == 1
    assert made[-1] == 3
    assert len(made) == len(set(made)) <= 3


def test_where_it_cannot_anchor_the_log_says_so_and_the_server_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr("fhir_server.anchoring.log.error", lambda event, extra: told.append(extra["error"]))

    async def run() -> None:
        store = await opened(tmp_path)
        await store.audit(ROW, wait=True)
        nowhere = Anchoring(store, tmp_path / "absent" / "key.pem", lambda: 7)
        unwritable = Anchoring(store, tmp_path / "key.pem", lambda: 7, file=tmp_path / "absent" / "anchors.jsonl")
        for anchoring in (nowhere, unwritable):
            anchoring.begin()
            await asyncio.sleep(0)
            await anchoring.stop()
        await store.audit(ROW, wait=True)
        await store.close()

    asyncio.run(run())
    assert told == ["KeyUnusable", "FileNotFoundError"]


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    made = signing_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert signing_key(path).private_bytes_raw() == made.private_bytes_raw()


def test_what_is_no_such_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    other = ec.generate_private_key(ec.SECP256R1())
    for text in (b"", b"nonsense", other.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)):
        path.write_bytes(text)
        with pytest.raises(KeyUnusable, match=r"key\.pem"):
            signing_key(path)
