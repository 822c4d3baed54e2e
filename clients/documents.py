"""Taking in a file that someone sends: what it is decides its own content, never its name or what its sender claims.

Accepted are PDF, four kinds of image, the three Office formats, and plain text. Anything a browser could run as a page
of ours (HTML, SVG) and any program is refused, and every download is offered for saving under a type of our own.
"""

from __future__ import annotations

import codecs
import hashlib
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models.fields.files import FieldFile
from django.http import FileResponse, Http404

from clients.models import Document
from tenancy import text
from tenancy.context import undo_on_rollback

PDF: Final = "application/pdf"
WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
EXCEL: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
POWERPOINT: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
PLAIN: Final = "text/plain"
#: How a file of each type ends; the first is given to a name that ends otherwise.
SUFFIXES: Final[dict[str, tuple[str, ...]]] = {
    PDF: (".pdf",),
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
    WORD: (".docx",),
    EXCEL: (".xlsx",),
    POWERPOINT: (".pptx",),
    PLAIN: (".txt", ".csv", ".md", ".log"),
    "text/csv": (".csv",),
    "text/markdown": (".md",),
}
_SIGNATURES: Final = (
    (re.compile(rb"%PDF-\d"), PDF),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp"),
)
_OFFICE: Final = {"word/document.xml": WORD, "xl/workbook.xml": EXCEL, "ppt/presentation.xml": POWERPOINT}
_MARKUP: Final = re.compile(r"<(?:!doctype|html|head|body|script|iframe|svg|\?xml|math|object|embed)\b", re.IGNORECASE)
_BINARY: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f]")
MOST_ENTRIES: Final = 5_000
MOST_DIRECTORY_BYTES: Final = 1_000_000
MOST_UNPACKED_BYTES: Final = 500 * 1024 * 1024
CHUNK: Final = 64 * 1024
LONGEST_NAME: Final = 200
ACCEPTED: Final = (
    "PDF, PNG, JPEG, GIF, WebP, Word (docx), Excel (xlsx), PowerPoint (pptx), or plain text (txt, csv, md)"
)


@dataclass(frozen=True, slots=True)
class AcceptedFile:
    """What we found a file to be; `size` in bytes."""

    filename: str
    content_type: str
    size: int
    sha256: str


def inspect(upload: File) -> AcceptedFile:
    """Return what an upload is. Raises ValidationError with a sentence when it is not accepted."""
    size = upload.size or 0
    if size == 0:
        raise _refused("The file is empty.", "empty")
    if size > settings.MAX_DOCUMENT_BYTES:
        raise _refused(
            f"The file has {size / 1_048_576:.1f} MB; at most {settings.MAX_DOCUMENT_BYTES // 1_048_576} MB are kept.",
            "too_large",
        )
    content_type = _content_type(upload)
    digest = hashlib.sha256()
    for chunk in _chunks(upload):
        digest.update(chunk)
    filename = clean_filename(upload.name or "", content_type)
    return AcceptedFile(filename, _text_type(content_type, filename), size, digest.hexdigest())


def clean_filename(sent: str, content_type: str) -> str:
    """Return a name to show and to save under: no path, no invisible sign, with an ending that fits the content."""
    name = PurePosixPath(sent.replace("\\", "/")).name
    name = " ".join(text.without_invisible(name).split()).strip(". ")
    stem, ending = PurePosixPath(name).stem, PurePosixPath(name).suffix.lower()
    fitting = SUFFIXES[content_type]
    if ending not in fitting:
        stem, ending = name, fitting[0]
    stem = stem.strip(". ") or "document"
    return f"{stem[: LONGEST_NAME - len(ending)]}{ending}"


def receive(document: Document, upload: Any) -> None:
    """Put an upload into a document that is about to be saved; without one it keeps the file it has.

    The stored file is removed should the transaction be rolled back. Raises ValidationError for a file that is not
    accepted, before anything is stored.
    """
    if not isinstance(upload, UploadedFile):
        if not document.file:
            raise ValidationError({"file": ValidationError("Choose a file.", code="required")})
        return
    try:
        accepted = inspect(upload)
    except ValidationError as refused:
        raise ValidationError({"file": refused.error_list}) from refused
    upload.name = accepted.filename
    document.file = upload
    document.filename = accepted.filename
    document.content_type = accepted.content_type
    document.size = accepted.size
    document.sha256 = accepted.sha256
    stored: FieldFile = document.file

    def take_back() -> None:
        if stored._committed and stored.name:  # type: ignore[attr-defined]
            stored.storage.delete(stored.name)

    undo_on_rollback(take_back)


def remove_after_commit(file: FieldFile) -> None:
    """Remove a stored file once the transaction that lets go of it is committed."""
    storage, name = file.storage, file.name
    if name:
        transaction.on_commit(lambda: storage.delete(name))


def download(document: Document) -> FileResponse:
    """Return a document's file for saving, under the type we found it to be. Raises Http404 when storage lost it."""
    try:
        stored = document.file.open("rb")
    except FileNotFoundError as missing:
        raise Http404("The file is no longer in storage.") from missing
    response = FileResponse(stored, as_attachment=True, filename=document.filename, content_type=document.content_type)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _content_type(upload: File) -> str:
    upload.seek(0)
    head = upload.read(16)
    for signature, content_type in _SIGNATURES:
        if signature.match(head):
            return content_type
    if head.startswith(b"PK\x03\x04"):
        return _office_type(upload)
    _require_plain_text(upload)
    return PLAIN


def _office_type(upload: File) -> str:
    _require_small_directory(upload)
    upload.seek(0)
    try:
        with zipfile.ZipFile(upload) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as broken:
        raise _refused("The file is damaged: it cannot be opened.", "damaged") from broken
    if len(entries) > MOST_ENTRIES or sum(entry.file_size for entry in entries) > MOST_UNPACKED_BYTES:
        raise _refused("The file unpacks to far more than a document holds.", "too_large_unpacked")
    if any(name.endswith("vbaProject.bin") for name in names):
        raise _refused("The file holds macros. Save it without them and send it again.", "macros")
    if "[Content_Types].xml" in names:
        for part, content_type in _OFFICE.items():
            if part in names:
                return content_type
    raise _refused(f"Archives are not kept. Send {ACCEPTED}.", "type")


def _require_small_directory(upload: File) -> None:
    """Raise ValidationError before a list of many thousand entries is read: Office writes a short one, at the end."""
    upload.seek(max((upload.size or 0) - 42, 0))
    end = upload.read(42)
    locator, record = end[:-22], end[-22:]
    if len(end) < 42 or not record.startswith(b"PK\x05\x06"):
        raise _refused("The file is damaged: it cannot be opened.", "damaged")
    if locator.startswith(b"PK\x06\x07") or int.from_bytes(record[12:16], "little") > MOST_DIRECTORY_BYTES:
        raise _refused("The file unpacks to far more than a document holds.", "too_large_unpacked")


def _require_plain_text(upload: File) -> None:
    decode = codecs.getincrementaldecoder("utf-8-sig")()
    beginning = ""
    try:
        for chunk in _chunks(upload):
            piece = decode.decode(chunk)
            if _BINARY.search(piece):
                raise _refused(f"This kind of file is not kept. Send {ACCEPTED}.", "type")
            beginning = beginning or piece[:1024]
        decode.decode(b"", final=True)
    except UnicodeDecodeError as broken:
        raise _refused(f"This kind of file is not kept, or its text is not UTF-8. Send {ACCEPTED}.", "type") from broken
    if _MARKUP.search(beginning):
        raise _refused(f"Web pages and drawings made of markup are not kept. Send {ACCEPTED}.", "type")


def _text_type(content_type: str, filename: str) -> str:
    if content_type != PLAIN:
        return content_type
    return {".csv": "text/csv", ".md": "text/markdown"}.get(PurePosixPath(filename).suffix, PLAIN)


def _chunks(upload: File) -> Iterator[bytes]:
    upload.seek(0)
    while chunk := upload.read(CHUNK):
        yield chunk


def _refused(sentence: str, code: str) -> ValidationError:
    return ValidationError(sentence, code=code)
