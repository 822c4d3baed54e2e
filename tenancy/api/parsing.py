"""Reading bodies: bounded, and JSON without what two readers would understand differently (RFC 8259, section 4)."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser, MultiPartParser

from tenancy.api.problems import BodyTooLarge

FORM_BYTES = 100_000
#: Half of a pair, which JSON lets one escape and no answer could repeat (RFC 8259, section 8.2).
_SURROGATE = re.compile("[\ud800-\udfff]")


class StrictJSONParser(JSONParser):
    """JSON of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes, without duplicate names, NaN, or endless nesting."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return what the body says. Raises ParseError, or BodyTooLarge."""
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(most + 1)
        if len(raw) > most:
            raise BodyTooLarge(f"The body is too large: at most {most:,} bytes are read.")
        try:
            return json.loads(
                codecs.decode(raw, "utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_no_constant
            )
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None
        except ValueError as wrong:
            raise ParseError(f"The body is not JSON: {wrong}") from wrong


class DocumentParser(MultiPartParser):
    """A form with one document, refused before it is read when it announces more than a document may have."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the form's fields and files. Raises ParseError, or BodyTooLarge."""
        request = (parser_context or {})["request"]
        announced = request.META.get("CONTENT_LENGTH") or "0"
        most = settings.MAX_DOCUMENT_BYTES + FORM_BYTES
        if announced.isdigit() and int(announced) > most:
            raise BodyTooLarge(
                f"The file is too large: at most {settings.MAX_DOCUMENT_BYTES // 1_048_576} MB are kept."
            )
        return super().parse(stream, media_type, parser_context)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    if any(_SURROGATE.search(name) for name in found):
        raise ValueError("a name holds half of a character")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")
