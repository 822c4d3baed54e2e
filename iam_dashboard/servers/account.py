"""The account that PostgreSQL runs as: it refuses root, so root hands it to an unprivileged user."""

import hashlib
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

CANDIDATES = ("postgres", "nobody")
SHARED_STATE = Path("/var/lib/iam-dashboard")


class AccountError(Exception):
    """No account or no place that PostgreSQL could use; the message says what to do."""


@dataclass(frozen=True)
class Account:
    """An unprivileged user of this machine."""

    name: str
    uid: int
    gid: int

    def reaches(self, directory: Path) -> bool:
        """Return whether the user can enter the directory, every parent included."""
        attempt = subprocess.run(  # noqa: S603  (the command is ours)
            ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(directory)],
            stderr=subprocess.DEVNULL,
            check=False,
            user=self.uid,
            group=self.gid,
            extra_groups=[],
        )
        return attempt.returncode == 0


def unprivileged_account() -> Account | None:
    """Return the account for PostgreSQL when root asks, None for an ordinary user, who runs it as himself.

    Raises AccountError when the machine has no suitable user.
    """
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise AccountError(
        f"PostgreSQL does not run as root, and this machine has no user {' or '.join(CANDIDATES)}: "
        "create one (useradd --system postgres) or start as an ordinary user."
    )


def shared_directory(purpose: str, origin: Path) -> Path:
    """Return a directory outside the homes of users, one for each purpose and origin, that everybody can enter.

    Raises AccountError when it cannot be made.
    """
    digest = hashlib.sha256(str(origin).encode()).hexdigest()[:16]
    directory = SHARED_STATE / f"{purpose}-{digest}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path in (SHARED_STATE, directory):
            path.chmod(0o755)
    except OSError as error:
        raise AccountError(
            f"PostgreSQL runs as an unprivileged user, who reaches neither {origin} nor {directory} "
            f"({error.strerror}): "
            "move the project to a directory that every user can enter, or start as an ordinary user."
        ) from error
    return directory
