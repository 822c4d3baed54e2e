"""Finding clients by words: every word of the query begins a word of the client's name, address or external id.

Words are read from a table that a database trigger keeps, by a range of its index: row-level security lets PostgreSQL
use an index for leakproof comparisons only. The query is cut into words as the clients are, by the same database
function; plain ASCII, where there is nothing to normalize, is cut here.
"""

from __future__ import annotations

import re

from django.db import connections
from django.db.models import Exists, OuterRef, QuerySet

from clients.models import Client, ClientWord

LONGEST_QUERY = 200
LONGEST_WORD = 60
MOST_WORDS = 8
#: Sorts after every character that a word may have, in the word column's collation "C".
LAST = "\U0010ffff"
_ASCII_WORD = re.compile(r"[a-z0-9]+")


def words(text: str, *, using: str = "default") -> list[str]:
    """Return the different normalized words of a query, at most MOST_WORDS of them."""
    if text.isascii():
        found = dict.fromkeys(word[:LONGEST_WORD] for word in _ASCII_WORD.findall(text[:LONGEST_QUERY].lower()))
        return list(found)[:MOST_WORDS]
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT word FROM iam_words(%s) AS word ORDER BY word", (_storable(text),))
        return [word for (word,) in cursor.fetchall()[:MOST_WORDS]]


def _storable(text: str) -> str:
    """Return what PostgreSQL can read of a query: no NUL, no half of a character."""
    return text[:LONGEST_QUERY].replace("\0", " ").encode(errors="ignore").decode()


def matching(queryset: QuerySet[Client], text: str) -> QuerySet[Client]:
    """Return the clients of `queryset` that have all words of `text`, the beginning of a word being enough.

    An empty text finds all of them, and a text without letters and digits none.
    """
    if not text.strip():
        return queryset
    wanted = words(text, using=queryset.db)
    if not wanted:
        return queryset.none()
    for word in wanted:
        indexed = ClientWord.objects.filter(
            organization_id=OuterRef("organization_id"), client_id=OuterRef("pk"), word__gte=word, word__lt=word + LAST
        )
        queryset = queryset.filter(Exists(indexed))
    return queryset
