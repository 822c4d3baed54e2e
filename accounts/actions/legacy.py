"""Bringing in legacy administrators from a file of (email, legacy role): the whole file, or nothing of it (ROLE-11)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from accounts.models import User
from audit.recording import record_allowed
from roles import legacy
from roles.actions import AssignRole
from roles.legacy import BUILT_IN, LegacyRole
from roles.models import Membership, Role
from tenancy import text
from tenancy.actors import Actor, Scope, SystemActor
from tenancy.errors import AccessDenied, ActionRefused, Denial, Reason
from tenancy.policies import require

ASSIGN, CREATE = "roles:assign", "admins:create"
IMPORTER = SystemActor("import legacy administrators", permissions=frozenset({ASSIGN, CREATE}))
COLUMNS: Final = ("email", "legacy_role")
LARGEST_FILE: Final = 1_000_000
LONGEST_EMAIL: Final = 254
LONGEST_QUOTE: Final = 60


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """What is wrong with one line of the file; lines count from 1."""

    line: int
    sentence: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class LegacyRow:
    """One administrator as the file names them."""

    line: int
    email: str
    legacy_role: LegacyRole


@dataclass(frozen=True, slots=True)
class LegacyFile:
    """A file as it was read: each administrator once, and every line that could not be."""

    rows: tuple[LegacyRow, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class MappedAdmin:
    """A row whose account gets the role. `user` is None for an account that is made first."""

    row: LegacyRow
    role: Role
    user: User | None


@dataclass(frozen=True, slots=True)
class LegacyPlan:
    """What an import would do: whom it maps, and who has the role already."""

    mappings: tuple[MappedAdmin, ...]
    unchanged: tuple[LegacyRow, ...]


class LegacyFileRefused(ActionRefused):
    """The file has problems, so nothing of it was applied. `problems` has all of them, by line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def read_legacy_file(content: bytes) -> LegacyFile:
    """Return the administrators that a CSV file names, and its problems.

    The first line names the columns `email` and `legacy_role`, in either order and in any case. The text is UTF-8, with
    or without a byte order mark. Lines with nothing in them are skipped. One address twice with the same role is one.
    """
    if len(content) > LARGEST_FILE:
        return _unreadable(1, f"The file is larger than {LARGEST_FILE:,} bytes. It should name administrators only.")
    try:
        decoded = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return _unreadable(line, "This is not UTF-8. Save the file as CSV in UTF-8.")
    rows: dict[str, LegacyRow] = {}
    problems: list[Problem] = []
    records = _records(decoded)
    line = 1
    try:
        line, header = next(records, (1, []))
        named = [cell.strip().lower() for cell in header]
        if sorted(named) != sorted(COLUMNS):
            return _unreadable(line, f"The columns are {_quoted(','.join(header))}. Write: {','.join(COLUMNS)}")
        for line, record in records:
            try:
                row = _row(line, named, record)
                before = rows.setdefault(row.email, row)
            except ValidationError as wrong:
                problems += [Problem(line, sentence) for sentence in wrong.messages]
                continue
            if before.legacy_role is not row.legacy_role:
                problems.append(
                    Problem(
                        line, f"{row.email} is {before.legacy_role} in line {before.line}. Write one role for them."
                    )
                )
    except csv.Error as error:
        problems.append(Problem(line + 1, f"This is not CSV after line {line}: {error}."))
    return LegacyFile(tuple(rows.values()), tuple(problems))


def _unreadable(line: int, sentence: str) -> LegacyFile:
    return LegacyFile((), (Problem(line, sentence),))


def _records(decoded: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record that has anything in it, with the line that it starts on."""
    reader = csv.reader(io.StringIO(decoded, newline=""), strict=True)
    start = 1
    for record in reader:
        if any(cell.strip() for cell in record):
            yield start, record
        start = reader.line_num + 1


def _row(line: int, columns: list[str], record: list[str]) -> LegacyRow:
    """Return the row. Raises ValidationError with a sentence for each thing that is wrong."""
    if len(record) != len(columns):
        raise ValidationError(f"This line has {len(record)} columns, not {len(columns)}: {_quoted(','.join(record))}.")
    cells = dict(zip(columns, (cell.strip() for cell in record), strict=True))
    wrong = []
    email = User.objects.normalize_email(cells["email"])
    if not _is_address(email):
        wrong.append(f"{_quoted(cells['email'])} is not an e-mail address that can be written to.")
    if cells["legacy_role"] not in LegacyRole.values:
        wrong.append(f"{_quoted(cells['legacy_role'])} is no legacy role. Write one of {', '.join(LegacyRole.values)}.")
    if wrong:
        raise ValidationError(wrong)
    return LegacyRow(line, email, LegacyRole(cells["legacy_role"]))


def _is_address(email: str) -> bool:
    try:
        validate_email(text.checked(email))
    except (ValidationError, text.UnfitTextError):
        return False
    return len(email) <= LONGEST_EMAIL and not email.endswith(".invalid")


def _quoted(raw: str) -> str:
    """Return text from the file for a sentence: short, and with nothing that a terminal would obey."""
    shown = " ".join(text.without_invisible(raw).split())
    return f"“{shown[:LONGEST_QUOTE]}{'…' if len(shown) > LONGEST_QUOTE else ''}”"


@dataclass(frozen=True)
class ImportLegacyAdmins:
    """Give each administrator of the file the built-in role that their legacy role has become, in place of the old one.

    Nobody is promoted or demoted by it: someone with another role on the platform, or with another legacy value than
    the file says, is a problem. So is an account that does not exist, unless `create_accounts` makes it: without a
    password, and with an address still to be verified. Any problem raises LegacyFileRefused, and nothing is applied.
    """

    actor: Actor
    file: LegacyFile
    create_accounts: bool = False

    def check(self) -> LegacyPlan:
        """Return what would be done. Locks the accounts that the file names until the transaction ends."""
        require(self.actor, ASSIGN)
        if self.create_accounts:
            require(self.actor, CREATE)
        if self.actor.scope is not Scope.PLATFORM:
            raise AccessDenied(Denial(Reason.OUT_OF_REACH, ASSIGN, sentence="This is done on the platform."))
        return _Planning(self.file, self.create_accounts).plan()

    def execute(self) -> LegacyPlan:
        """Do it, and return what was done."""
        plan = self.check()
        users = [mapping.user or self._create(mapping.row) for mapping in plan.mappings]
        legacy.settle(users)
        for mapping, user in zip(plan.mappings, users, strict=True):
            membership = AssignRole(self.actor, user, mapping.role).execute()
            record_allowed(
                ASSIGN,
                membership,
                operation="import_legacy_admin",
                legacy_role=mapping.row.legacy_role.value,
                role=mapping.role.name,
            )
        return plan

    def _create(self, row: LegacyRow) -> User:
        try:
            with transaction.atomic():
                user = User.objects.create_user(row.email)
        except IntegrityError as error:
            raise ActionRefused(f"Somebody else has just made an account for {row.email}. Run it again.") from error
        EmailAddress.objects.create(user=user, email=row.email, verified=False, primary=True)
        record_allowed(CREATE, user, operation="create_legacy_admin")
        return user


class _Planning:
    """The rows of a file beside what is stored: one query for each kind of thing, however many rows there are."""

    def __init__(self, file: LegacyFile, create_accounts: bool) -> None:
        self.file = file
        self.create_accounts = create_accounts
        self.emails = [row.email for row in file.rows]

    @cached_property
    def users(self) -> dict[str, User]:
        # Not their keys: rows that name them go on being written.
        locked = User.objects.select_for_update(no_key=True).filter(email__in=self.emails).order_by("pk")
        return {user.email: user for user in locked}

    @cached_property
    def held(self) -> dict[str, Role]:
        """The role that each has on the platform, looked up after their accounts are locked."""
        members = Membership.objects.filter(user__in=self.users.values(), organization=None)
        return {member.user.email: member.role for member in members.select_related("user", "role")}

    @cached_property
    def second_addresses(self) -> set[str]:
        return set(EmailAddress.objects.filter(email__in=self.emails).values_list("email", flat=True))

    @cached_property
    def roles(self) -> dict[str, Role]:
        return {role.name: role for role in Role.objects.built_in().filter(name__in=BUILT_IN.values())}

    def plan(self) -> LegacyPlan:
        problems = list(self.file.problems)
        mappings, unchanged = [], []
        for row in self.file.rows:
            user, role = self.users.get(row.email), self.roles.get(BUILT_IN[row.legacy_role])
            if problem := self._problem(row, user, role):
                problems.append(Problem(row.line, problem))
            elif role is not None and row.email in self.held:
                unchanged.append(row)
            elif role is not None:
                mappings.append(MappedAdmin(row, role, user))
        if problems:
            raise LegacyFileRefused(problems)
        return LegacyPlan(tuple(mappings), tuple(unchanged))

    def _problem(self, row: LegacyRow, user: User | None, role: Role | None) -> str:
        """Return why the row cannot be applied, and what to do about it; nothing if it can."""
        if role is None:
            return f"There is no role {BUILT_IN[row.legacy_role]} yet. Run sync_roles --apply first."
        if user is None:
            if row.email in self.second_addresses:
                return f"{row.email} is a second address. Write the one that the account is known by."
            return "" if self.create_accounts else f"{row.email} has no account. Make it with --create-accounts."
        held = self.held.get(row.email)
        if held is not None:
            already = f"{row.email} is {held} on the platform already, not {role}. Change that in the console."
            return "" if held == role else already
        if user.is_service:
            return f"{row.email} is a service account, which has no place on the platform."
        if not user.is_active:
            return f"{row.email} is banned or inactive. Take them out of the file, or let them in again first."
        if user.legacy_role not in {"", row.legacy_role}:
            return (
                f"{row.email} has the legacy role {user.legacy_role}, not {row.legacy_role}. Find out which is right."
            )
        return "" if role.is_active else f"The role {role} is inactive, so they could not work. Reactivate it first."
