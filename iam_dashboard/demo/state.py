"""The directory ``.demo``: what the demo keeps between two starts, and who may use it."""

import fcntl
import json
import os
import pwd
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from iam_dashboard.servers.embedded import write_secret


class DemoError(Exception):
    """The demo cannot go on; the message says what to do."""


@dataclass(frozen=True)
class Secrets:
    """Generated on the first start, then kept."""

    secret_key: str
    owner_password: str
    app_password: str

    @classmethod
    def generate(cls) -> "Secrets":
        """Return fresh secrets."""
        return cls(secrets.token_urlsafe(48), secrets.token_urlsafe(24), secrets.token_urlsafe(24))


@dataclass(frozen=True)
class DemoDirectory:
    """The files of the demo of one clone."""

    path: Path

    @property
    def postgres(self) -> Path:
        """Data of PostgreSQL."""
        return self.path / "postgres"

    @property
    def redis(self) -> Path:
        """Data of Redis."""
        return self.path / "redis"

    @property
    def media(self) -> Path:
        """Uploaded files."""
        return self.path / "media"

    @property
    def static(self) -> Path:
        """Collected static files."""
        return self.path / "static"

    @property
    def mail(self) -> Path:
        """Outgoing e-mail, one file a message."""
        return self.path / "mail"

    @property
    def logs(self) -> Path:
        """What the processes print, one file each."""
        return self.path / "logs"

    @property
    def processes(self) -> Path:
        """The processes of the running demo."""
        return self.path / "processes.json"

    @property
    def people(self) -> Path:
        """The demo people as ``seed_demo`` wrote them."""
        return self.path / "people.json"

    @property
    def access(self) -> Path:
        """Address, database address and people, for programs; exists only while the demo runs."""
        return self.path / "access.json"

    @property
    def beat_schedule(self) -> Path:
        """What celery beat remembers."""
        return self.path / "beat-schedule"

    def make(self) -> None:
        """Make the directory and its subdirectories. Raises DemoError when another user made it."""
        # PostgreSQL, run as another user by root, passes through to its data; it cannot list.
        self.path.mkdir(mode=0o711, exist_ok=True)
        owner = self.path.stat().st_uid
        if owner != os.geteuid():
            raise DemoError(
                f"{self.path} belongs to the user {_user_name(owner)}: start the demo as that user, or let that user "
                "start over with make demo-reset."
            )
        for private in (self.media, self.mail, self.logs):
            private.mkdir(mode=0o700, exist_ok=True)

    def secrets(self) -> Secrets:
        """Return the kept secrets, made on the first call."""
        file = self.path / "secrets.json"
        if not file.exists():
            write_secret(file, json.dumps(asdict(Secrets.generate()), indent=2))
        return Secrets(**json.loads(file.read_text()))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second demo of this clone out. Raises DemoError when one runs; a killed one leaves no lock behind."""
        with (self.path / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DemoError(f"The demo of this clone already runs{self._address_hint()}. Stop it first.") from None
            yield

    def remove(self) -> None:
        """Delete everything."""
        shutil.rmtree(self.path)

    def _address_hint(self) -> str:
        try:
            return f" at {json.loads(self.access.read_text())['url']}"
        except (OSError, ValueError, KeyError):
            return ""


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
