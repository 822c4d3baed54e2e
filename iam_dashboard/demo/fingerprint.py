"""Whether this very code prepared the database: the mark is kept in the database and goes where the data goes."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

SKIPPED_DIRECTORIES = frozenset(
    {"__pycache__", "tests", "docs", "bench", "docker", "node_modules", "media", "staticfiles"}
)


def _sources(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.iterdir()):
        if path.name.startswith(".") or path.name in SKIPPED_DIRECTORIES:
            continue
        if path.is_dir():
            yield from _sources(path)
        elif path.is_file() and path.suffix not in {".md", ".pyc"}:
            yield path


def project_fingerprint(project: Path) -> str:
    """Return a digest of every file that migrations, catalogue, demo world or static files can depend on."""
    digest = hashlib.sha256()
    for path in _sources(project):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(project)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def read_mark(dsn: str, database: str) -> str | None:
    """Return the mark of a database, None when it has none."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [database]
        ).fetchone()
    return row[0] if row else None


def write_mark(dsn: str, database: str, mark: str | None) -> None:
    """Set the mark of a database, or remove it."""
    with psycopg.connect(dsn) as connection:
        connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(database), sql.Literal(mark)))
