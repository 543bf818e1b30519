"""A dump of a platform: two doctors, some patients, and what a platform keeps of them, with the ids it had."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]
PDF = b"%PDF-1.7 an electrocardiogram"
PASSWORDS = {"pbkdf2": "p@$$w0rd", "bcrypt": "U*U", "argon2": "password"}
HASHES = {
    # Published vectors; tests/unit/auth/test_foreign_hashes.py says where.
    "pbkdf2": "$pbkdf2-sha512$19000$/J9TyllrjRFCyHnvHaMUIg$AJ3Dr926ltK1sOZMZAAoT7EoR7R/Hp.G6Bt.4DFENiYayhVM/ZBPuqjFNhc"
    "E9NjTm"
    "ceTmLnSqzfEQ8mafy49sw",
    "bcrypt": "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "argon2": "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
}
FILES = ("users", "consents", "appointments", "medical_records", "notifications")
DOCTOR, MARIE, PAUL = 1, 17, 18


def user(id: int | str, role: str = "patient", scheme: str | None = "pbkdf2", **more: Any) -> Json:
    """Return a line of users."""
    return {
        "id": id, "email": f"user-{id}@example.org", "role": role, "status": "active", "name": f"User {id}",
        "phone": "+33 1 23 45 67 89", "birth_date": "1985-05-14", "locale": "fr",
        "rpps": f"{10100000000 + int(id)}" if role == "doctor" else None, "confirmed_at": None,
        "inserted_at": "2024-02-05T10:00:00.123456+01:00", "password_hash": HASHES[scheme] if scheme else None, **more,
    }  # fmt: skip


def consent(id: int, user: int, **more: Any) -> Json:
    """Return a line of consents."""
    return {
        "id": id, "user_id": user, "type": "data_processing", "status": "granted", "version": "2024-01",
        "granted_at": "2024-02-05T10:00:00+01:00", "revoked_at": None, **more,
    }  # fmt: skip


def appointment(id: int, patient: int, doctor: int = DOCTOR, **more: Any) -> Json:
    """Return a line of appointments: one that has taken place."""
    return {
        "id": id, "patient_id": patient, "doctor_id": doctor, "starts_at": "2025-03-02T09:30:00+01:00",
        "ends_at": "2025-03-02T09:50:00+01:00", "kind": "video", "status": "completed", "reason": "Suivi",
        "cancellation_reason": None, "inserted_at": "2025-03-01T09:30:00+01:00",
        "updated_at": "2025-03-02T09:55:00+01:00", **more,
    }  # fmt: skip


def record(id: int, patient: int, doctor: int = DOCTOR, files: tuple[int, ...] = (), **more: Any) -> Json:
    """Return a line of medical records."""
    soap = {"subjective": "Palpitations\r\n  depuis mardi ", "objective": "", "assessment": None, "plan": "Holter é"}
    return {
        "id": id, "nom": f"User {patient}", "age": 41, "category": "cardiologie", "priority": "urgent",
        "status": "final", "soap": soap, "consultation_date": "2025-03-02T09:30:00+01:00",
        "follow_up_date": "2025-04-02", "tags": ["hta", "à revoir"],
        "attachments": [
            {"id": each, "filename": f"ecg {each}.pdf", "content_type": "application/pdf", "size": len(PDF),
             "url": f"attachments/{each}"} for each in files
        ],
        "patient_id": patient, "doctor_id": doctor, "inserted_at": "2025-03-02T10:00:00.123456+01:00",
        "updated_at": "2025-03-03T10:00:00+01:00", **more,
    }  # fmt: skip


def notification(id: int, user: int, **more: Any) -> Json:
    """Return a line of notifications."""
    return {
        "id": id, "user_id": user, "kind": "appointment_confirmed", "title": "Rendez-vous confirmé",
        "body": "Votre rendez-vous est confirmé.", "priority": "normal", "read_at": None,
        "inserted_at": "2025-03-01T09:30:00+01:00", "link": f"/appointments/{id}", **more,
    }  # fmt: skip


def clinic() -> dict[str, list[Json]]:
    """Return a small dump, by file: everything that a view can say at least once."""
    patients = [user(MARIE), user(PAUL, scheme="bcrypt", email="Paul@Example.org"), user(19, scheme="argon2")]
    users = [user(DOCTOR, "doctor"), user(2, "doctor", status="pending"), *patients, user(3, "admin", scheme=None)]
    revoked = {"status": "revoked", "revoked_at": "2024-05-01T08:00:00Z"}
    return {
        "users": [*users, user(20, status="disabled", phone=None, name=None, birth_date=None, locale="en")],
        "consents": [consent(1, MARIE), consent(2, MARIE, type="research", **revoked), consent(3, PAUL)],
        "appointments": [
            appointment(1, MARIE),
            appointment(2, PAUL, kind="office", status="cancelled", cancellation_reason="Empêchement", reason=""),
            appointment(3, MARIE, status="confirmed", starts_at="2099-03-02T09:30:00Z", ends_at="2099-03-02T09:50:00Z"),
        ],
        "medical_records": [
            record(40, MARIE, files=(7, 9)),
            record(41, PAUL, status="archived", priority="normal", category=None, age=None, tags=[]),
            record(42, MARIE, 2, status="draft", follow_up_date=None, nom=None),
        ],
        "notifications": [
            notification(5, MARIE),
            notification(6, DOCTOR, read_at="2025-03-01T09:31:00Z", priority="high", body=None, link=None),
        ],
    }


def many(number: int) -> dict[str, list[Json]]:
    """Return a dump of a doctor and as many patients, with a line of each kind for each."""
    ids = range(100, 100 + number)
    return {
        "users": [user(DOCTOR, "doctor"), *(user(each) for each in ids)],
        "consents": [consent(each, each) for each in ids],
        "appointments": [appointment(each, each) for each in ids],
        "medical_records": [record(each, each, files=(each,) if each % 7 == 0 else ()) for each in ids],
        "notifications": [notification(each, each) for each in ids],
    }


def write_dump(folder: Path, dump: dict[str, list[Json]]) -> Path:
    """Write a dump, with its attachments."""
    (folder / "attachments").mkdir(parents=True)
    for name, lines in dump.items():
        text = "".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in lines)
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    for each in dump.get("medical_records", ()):
        for file in each.get("attachments") or ():
            (folder / "attachments" / str(file["id"])).write_bytes(PDF)
    return folder


def read_dump(folder: Path) -> dict[str, list[Json]]:
    """Return the lines of a dump by file, in the order of their ids."""
    found: dict[str, list[Json]] = {}
    for name in FILES:
        # What Python takes for the end of a line beside line feed may stand in texts.
        texts = (folder / f"{name}.jsonl").read_bytes().decode().split("\n")
        found[name] = [json.loads(text) for text in texts if text]
    return in_order(found)


def in_order(dump: dict[str, list[Json]]) -> dict[str, list[Json]]:
    """Return a dump as `read_dump` does."""
    return {name: sorted(lines, key=lambda line: str(line["id"]).rjust(40)) for name, lines in dump.items()}
