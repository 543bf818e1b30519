"""SQLite when things go wrong: a full disk, a locked file, a second process, a file from the future."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from fhir_server.errors import StoreFull, StoreUnavailable
from fhir_server.search.query import Target, Token
from fhir_server.store.base import AuditRow, Key
from fhir_server.store.connect import connect
from fhir_server.store.sqlite import writer
from fhir_server.store.sqlite.store import SqliteStore
from profiles.restriction import ALL
from tests.fakes.patience import until
from tests.fakes.versions import coded, follow, new, update

ROW = AuditRow(1, "alice", "read", "Patient/1", 200, "r")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/fhir.db"


class Disk:
    """The disk, as far as this process is concerned: full when no file may outgrow the write-ahead log of now."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._log.stat().st_size, self._before[1]))

    def free(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


@pytest.fixture
def disk(store: SqliteStore) -> Iterator[Disk]:
    disk = Disk(Path(f"{store._path}-wal"))
    yield disk
    disk.free()


async def fill(store: SqliteStore, n: int) -> None:
    """Write to new parts of the file, with names the store never met."""

    async def work(tx):
        await tx.put(new(Key("Patient", f"big-{n}"), 1, author=f"author-{n}", text="x" * 40_000), coded(f"code-{n}"))
        await tx.put(new(Key(f"Type{n}", "1"), 1), coded(f"code-{n}"))
        await tx.audit(ROW)

    await store.write(work)


async def test_a_full_disk_refuses_the_group_and_only_that(store: SqliteStore, disk: Disk):
    await update(store, Key("Patient", "before"))
    position = await store.position()
    disk.fill()
    results = await asyncio.gather(*(fill(store, n) for n in range(20)), return_exceptions=True)
    assert {type(result) for result in results} == {StoreFull}
    assert await store.position() == position
    assert await store.counts() == {"Patient": 1}
    assert await store.read(Key("Patient", "big-0"), restriction=ALL) is None
    assert (await store.read(Key("Patient", "before"), restriction=ALL)).number == 1
    disk.free()
    for n in range(20):
        await fill(store, n)
    assert await store.counts() == {"Patient": 21} | {f"Type{n}": 1 for n in range(20)}
    assert await store.count((Target("Type7", Token("code", None, "code-7")),), restriction=ALL) == 1
    assert (await store.read(Key("Patient", "big-7"), restriction=ALL)).author == "author-7"
    assert [sequence for sequence, _ in await store.audit_rows()] == list(range(1, 21))


async def test_a_database_at_its_page_limit_recovers_when_the_limit_is_raised(store: SqliteStore):
    await update(store, Key("Patient", "before"))
    pages = store._writing.raw.execute("PRAGMA page_count").fetchone()[0]
    store._writing.raw.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreFull, match="disk"):
        await fill(store, 1)
    assert await store.check() == []
    store._writing.raw.execute("PRAGMA max_page_count = 4294967294")
    await fill(store, 1)
    assert await store.counts() == {"Patient": 2, "Type1": 1}


async def test_audit_rows_of_reads_outlast_a_full_disk(store: SqliteStore, monkeypatch: pytest.MonkeyPatch, disk: Disk):
    monkeypatch.setattr(writer, "RETRY", 0.05)
    disk.fill()
    await store.audit(ROW)
    await asyncio.sleep(0.15)
    for _ in range(3):
        with pytest.raises(StoreFull):
            await store.audit(AuditRow(2, "bob", "read", "x" * 50_000, 200, "waits"), wait=True)
    disk.free()

    async def durable() -> bool:
        return bool(await store.audit_rows())

    await until(durable)
    assert await store.audit_rows() == [(1, ROW)]


async def test_a_locked_file_is_waited_for_and_then_refused_without_harm(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(writer, "LOCK_WAIT", 0.1)
    monkeypatch.setattr(writer, "RETRY", 0.05)
    await update(store, Key("Patient", "1"))
    other = apsw.Connection(str(store._path))
    other.execute("BEGIN IMMEDIATE")
    results = await asyncio.gather(*(update(store, Key("Patient", "1")) for _ in range(5)), return_exceptions=True)
    assert {type(result) for result in results} == {StoreUnavailable}
    assert "lock on the database file" in results[0].issues[0].message
    await store.audit(ROW)
    assert (await store.read(Key("Patient", "1"), restriction=ALL)).number == 1
    await asyncio.sleep(0.2)
    waiting = asyncio.create_task(update(store, Key("Patient", "1")))
    await asyncio.sleep(0.03)
    other.execute("ROLLBACK")
    other.close()
    assert (await waiting).number == 2
    await store.audit(ROW, wait=True)
    assert len(await store.audit_rows()) == 2


async def test_one_process_writes(store: SqliteStore, url: str):
    with pytest.raises(StoreUnavailable, match=r"open for writing in another process \(process id \d+\)"):
        await connect(url)


async def test_a_file_of_a_newer_server_is_refused_and_left_alone(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/new.db"
    await (await connect(url)).close()
    with apsw.Connection(str(tmp_path / "new.db")) as raw:
        raw.execute("UPDATE meta SET value = 99 WHERE key = 'schema'")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="schema 99, this server knows schemas up to"):
            await connect(url)


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    (tmp_path / "letter.db").write_text("Dear Sir or Madam, " * 500)
    with pytest.raises(StoreUnavailable, match="no SQLite database"):
        await connect(f"sqlite:///{tmp_path}/letter.db")
    with pytest.raises(StoreUnavailable, match=r"cannot be opened: the folder .*/letter.db cannot be made"):
        await connect(f"sqlite:///{tmp_path}/letter.db/inside.db")
    with pytest.raises(StoreUnavailable, match="URL scheme 'mysql'"):
        await connect("mysql://localhost/fhir")


async def test_a_database_of_another_application_is_refused_and_left_as_it_is(tmp_path: Path):
    with apsw.Connection(str(tmp_path / "shop.db")) as raw:
        raw.execute("CREATE TABLE customers (name TEXT)")
    before = (tmp_path / "shop.db").read_bytes()
    with pytest.raises(StoreUnavailable, match="another application"):
        await connect(f"sqlite:///{tmp_path}/shop.db")
    assert (tmp_path / "shop.db").read_bytes() == before


def modes(folder: Path) -> dict[str, int]:
    return {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()}


async def test_the_files_of_a_new_store_are_for_their_owner_alone(tmp_path: Path):
    before = os.umask(0o022)
    try:
        store = await connect(f"sqlite:///{tmp_path}/new/fhir.db")
        await update(store, Key("Patient", "1"))
    finally:
        os.umask(before)
    found = modes(tmp_path / "new")
    await store.close()
    assert found.keys() >= {"fhir.db", "fhir.db-wal", "fhir.db-shm"}
    assert set(found.values()) == {0o600}


async def test_the_files_of_a_store_that_others_may_read_stay_so(tmp_path: Path):
    await (await connect(f"sqlite:///{tmp_path}/fhir.db")).close()
    (tmp_path / "fhir.db").chmod(0o640)
    store = await connect(f"sqlite:///{tmp_path}/fhir.db")
    await update(store, Key("Patient", "1"))
    found = modes(tmp_path)
    await store.close()
    assert (found["fhir.db"], found["fhir.db-wal"], found["fhir.db-shm"]) == (0o640, 0o640, 0o640)


async def test_a_closed_store_refuses_and_leaves_one_file_behind(tmp_path: Path):
    store = await connect(f"sqlite:///{tmp_path}/fhir.db")
    waiting = asyncio.create_task(update(store, Key("Patient", "1")))
    await asyncio.sleep(0)
    await store.audit(ROW)
    await store.close()
    assert (await waiting).number == 1
    with pytest.raises(StoreUnavailable):
        await update(store, Key("Patient", "1"))
    with pytest.raises(StoreUnavailable):
        await store.audit(ROW)
    assert sorted(os.listdir(tmp_path)) == ["fhir.db", "fhir.db.lock"]
    again = await connect(f"sqlite:///{tmp_path}/fhir.db")
    assert (await again.read(Key("Patient", "1"), restriction=ALL)).number == 1
    assert await again.audit_rows() == [(1, ROW)]
    assert (again.secret, await again.position()) == (store.secret, 1)
    await again.close()


async def test_a_reopened_store_goes_on_where_it_stopped(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/fhir.db"
    for n in range(1, 4):
        store = await connect(url)
        await store.write(lambda tx: follow(tx, Key("Patient", "1"), code="same"))
        await store.audit(ROW, wait=True)
        assert await store.position() == n
        assert await store.count((Target("Patient"),), restriction=ALL) == 1
        assert await store.count((Target("Patient", Token("code", None, "SAME")),), restriction=ALL) == 1
        assert len(await store.audit_rows()) == n
        assert await store.check() == []
        await store.close()
