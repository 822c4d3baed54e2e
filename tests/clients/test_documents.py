"""Files that people send: what is kept, under which name and type, and what becomes of the stored file."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from clients.actions import CreateItem, DeleteClient, DeleteItem, UpdateItem
from clients.documents import EXCEL, WORD, inspect
from clients.models import Document
from roles.actors import RoleActor
from tenancy.context import acting
from tests.world import Agency

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
REQUIREMENT = pytest.mark.requirement


def archive(*names: str, content: bytes = b"x", comment: bytes = b"") -> bytes:
    """Return a zip file with these entries."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.comment = comment
        for name in names:
            file.writestr(name, content)
    return packed.getvalue()


def bomb() -> bytes:
    """Return a small document that says it unpacks to almost four gigabytes."""
    packed = bytearray(archive("[Content_Types].xml", "word/document.xml"))
    at = packed.rindex(b"PK\x01\x02")
    packed[at + 24 : at + 28] = struct.pack("<I", 0xFFFFFFF0)
    return bytes(packed)


@REQUIREMENT("CLI-1")
@pytest.mark.parametrize(
    ("name", "content", "content_type", "kept_as"),
    [
        ("plan.pdf", b"%PDF-1.7\n...", "application/pdf", "plan.pdf"),
        ("logo.png", PNG, "image/png", "logo.png"),
        ("photo.JPEG", b"\xff\xd8\xff\xe0....", "image/jpeg", "photo.jpeg"),
        ("fun.gif", b"GIF89a....", "image/gif", "fun.gif"),
        ("new.webp", b"RIFF\x01\x02\x03\x04WEBPVP8 ", "image/webp", "new.webp"),
        ("letter.docx", archive("[Content_Types].xml", "word/document.xml"), WORD, "letter.docx"),
        ("sums.xlsx", archive("[Content_Types].xml", "xl/workbook.xml"), EXCEL, "sums.xlsx"),
        ("list.csv", "name,city\nZoë,Ghent\n".encode(), "text/csv", "list.csv"),
        ("list.csv", "\ufeffname\nZoë\n".encode(), "text/csv", "list.csv"),
        ("read.md", b"# Read me\n\nFirst <b>this</b>.\n", "text/markdown", "read.md"),
        ("logo.html", PNG, "image/png", "logo.html.png"),
        ("script.sh", b"#!/bin/sh\nrm -rf /\n", "text/plain", "script.sh.txt"),
        ("../../etc/passwd", b"words", "text/plain", "passwd.txt"),
        ("C:\\Users\\me\\notes.txt", b"words", "text/plain", "notes.txt"),
        ("annual\u202efdp.txt", b"words", "text/plain", "annualfdp.txt"),
        ("a\r\nSet-Cookie: x.txt", b"words", "text/plain", "aSet-Cookie: x.txt"),
        ("...", b"words", "text/plain", "document.txt"),
        ("n" * 250 + ".txt", b"words", "text/plain", "n" * 196 + ".txt"),
    ],
)
def test_a_file_is_what_its_content_says(name: str, content: bytes, content_type: str, kept_as: str) -> None:
    upload = SimpleUploadedFile("x", content, content_type="text/html")
    upload._name = name
    found = inspect(upload)
    assert (found.content_type, found.filename, found.size) == (content_type, kept_as, len(content))
    assert found.sha256 == hashlib.sha256(content).hexdigest()


@REQUIREMENT("API-2")
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "type"),
        (b"\n <!-- x --> <svg onload=alert(1)>", "type"),
        (b'<?xml version="1.0"?><a/>', "type"),
        (b"MZ\x90\x00\x03", "type"),
        (b"\x7fELF\x02\x01\x01", "type"),
        ("café".encode("latin-1"), "type"),
        (b"half of a sign \xc3", "type"),
        (archive("a.txt"), "type"),
        (archive("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"), "macros"),
        (archive("[Content_Types].xml", "word/document.xml")[:-9], "damaged"),
        (bomb(), "too_large_unpacked"),
        (archive("[Content_Types].xml", *(f"{n}" for n in range(5_001))), "too_large_unpacked"),
    ],
)
def test_other_files_are_refused_with_a_reason(content: bytes, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        inspect(SimpleUploadedFile("plan.pdf", content, content_type="application/pdf"))
    assert refused.value.code == code
    assert str(refused.value.message).endswith(".")


@REQUIREMENT("API-2")
def test_a_file_may_have_as_many_bytes_as_the_setting_says(settings: Any) -> None:
    settings.MAX_DOCUMENT_BYTES = 10
    assert inspect(SimpleUploadedFile("a.txt", b"x" * 10)).size == 10
    with pytest.raises(ValidationError, match="at most"):
        inspect(SimpleUploadedFile("a.txt", b"x" * 11))


@pytest.fixture
def manager(agency: Agency) -> RoleActor:
    return agency.actor("manager")


@pytest.fixture
def stored(settings: Any, tmp_path: Path) -> Any:
    """Return a function that lists the contents of all stored files, of which there are none yet."""
    settings.MEDIA_ROOT = tmp_path

    def contents() -> list[bytes]:
        return sorted(path.read_bytes() for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file())

    return contents


def upload(content: bytes = b"Plan A.") -> SimpleUploadedFile:
    return SimpleUploadedFile("plan.txt", content)


@contextmanager
def committing(actor: RoleActor, callbacks: Any) -> Iterator[None]:
    """Act, and do afterwards what waits for the commit."""
    with callbacks(execute=True), acting(actor):
        yield


@REQUIREMENT("CLI-1")
def test_a_replaced_or_deleted_file_leaves_storage_after_the_commit(
    agency: Agency, manager: RoleActor, stored: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with committing(manager, django_capture_on_commit_callbacks):
        made = CreateItem(manager, Document, agency.clients[0].pk, {"title": "Plan", "file": upload()}).execute()
    assert stored() == [b"Plan A."]
    with committing(manager, django_capture_on_commit_callbacks):
        changed = UpdateItem(manager, Document, made.pk, {"file": upload(b"Plan B.")}).execute()
        assert stored() == [b"Plan A.", b"Plan B."]
    assert (stored(), changed.sha256) == ([b"Plan B."], hashlib.sha256(b"Plan B.").hexdigest())
    with committing(manager, django_capture_on_commit_callbacks):
        DeleteItem(manager, Document, made.pk).execute()
        assert stored() == [b"Plan B."]
    assert stored() == []


@REQUIREMENT("CLI-1")
def test_a_refused_change_leaves_the_stored_file_in_place(
    agency: Agency, manager: RoleActor, stored: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with committing(manager, django_capture_on_commit_callbacks):
        made = CreateItem(manager, Document, agency.clients[0].pk, {"title": "Plan", "file": upload()}).execute()
    with committing(manager, django_capture_on_commit_callbacks), pytest.raises(ValidationError):
        UpdateItem(manager, Document, made.pk, {"title": "", "file": upload(b"Plan B.")}).execute()
    assert stored() == [b"Plan A."]


@REQUIREMENT("CLI-1")
def test_deleting_a_client_removes_its_files(
    agency: Agency, manager: RoleActor, stored: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with committing(manager, django_capture_on_commit_callbacks):
        for client in agency.clients[:2]:
            file = upload(client.name.encode())
            CreateItem(manager, Document, client.pk, {"title": "Plan", "file": file}).execute()
    with committing(manager, django_capture_on_commit_callbacks):
        DeleteClient(manager, agency.clients[0].pk).execute()
    assert stored() == [agency.clients[1].name.encode()]


@REQUIREMENT("CLI-1")
def test_a_file_does_not_outlive_the_transaction_it_was_stored_in(
    agency: Agency, manager: RoleActor, stored: Any
) -> None:
    def create() -> None:
        CreateItem(manager, Document, agency.clients[0].pk, {"title": "Plan", "file": upload()}).execute()
        assert stored() == [b"Plan A."]

    def create_in_vain() -> None:
        create()
        raise RuntimeError

    with pytest.raises(RuntimeError), acting(manager):
        create_in_vain()
    assert stored() == []
    with acting(manager):
        with acting(manager):
            create()
        assert stored() == [b"Plan A."]
    assert stored() == [b"Plan A."]


@REQUIREMENT("CLI-1")
def test_a_new_document_needs_a_file_and_a_changed_one_keeps_it(agency: Agency, manager: RoleActor) -> None:
    with acting(manager):
        with pytest.raises(ValidationError, match="Choose a file"):
            CreateItem(manager, Document, agency.clients[0].pk, {"title": "Plan"}).execute()
        made = CreateItem(manager, Document, agency.clients[0].pk, {"title": "Plan", "file": upload()}).execute()
        renamed = UpdateItem(manager, Document, made.pk, {"title": "Plan B", "file": made.file}).execute()
        assert (renamed.title, renamed.sha256) == ("Plan B", made.sha256)


@REQUIREMENT("CLI-3")
def test_a_download_is_for_saving_and_within_reach_only(agency: Agency, call: Any) -> None:
    owner: APIClient = call(agency.owner)
    urls = []
    for client in (agency.clients[0], agency.clients[2]):
        body = {"client": str(client.pk), "title": "Plan", "file": SimpleUploadedFile("Plän “A”.html", b"Plan A.")}
        made = owner.post(f"/api/orgs/{agency.slug}/documents/", body, format="multipart")
        assert made.status_code == 201, made.content
        urls.append(f"{made.headers['Location']}file/")
    member: APIClient = call(agency.member)
    answer = member.get(urls[0], HTTP_ACCEPT="text/html")
    assert (answer.status_code, b"".join(answer.streaming_content)) == (200, b"Plan A.")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=utf-8''Pl%C3%A4n")
    assert answer.headers["Content-Type"] == "text/plain"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    refused = member.get(urls[1])
    assert (refused.status_code, refused.headers["Content-Type"]) == (404, "application/problem+json")


@REQUIREMENT("API-2")
def test_a_body_that_announces_too_much_is_not_read(agency: Agency, call: Any, settings: Any) -> None:
    settings.MAX_DOCUMENT_BYTES = 100
    api, url = call(agency.owner), f"/api/orgs/{agency.slug}/documents/"
    statuses = []
    for size in (90, 200_000):
        body = {"client": str(agency.clients[0].pk), "title": "Plan", "file": upload(b"x" * size)}
        statuses.append(api.post(url, body, format="multipart").status_code)
    assert statuses == [201, 413]
