from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actions.legacy import IMPORTER, ImportLegacyAdmins, LegacyFileRefused, LegacyPlan, read_legacy_file
from accounts.models import User
from tenancy.context import Origin, acting
from tenancy.errors import ActionRefused, Overtaken

STANDARD_INPUT = "-"


class Command(BaseCommand):
    help = "Give the administrators of an earlier system their roles, from a CSV file of email and legacy_role."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="The CSV file, or - to read it from standard input.")
        parser.add_argument("--dry-run", action="store_true", help="Show what would be done and change nothing.")
        parser.add_argument(
            "--create-accounts", action="store_true", help="Make the accounts that do not exist, without a password."
        )

    def handle(
        self, *args: Any, file: str = "", dry_run: bool = False, create_accounts: bool = False, **options: Any
    ) -> None:
        content = self._content(file)
        try:
            with acting(IMPORTER, Origin("command", "import_legacy_admins")):
                action = ImportLegacyAdmins(IMPORTER, read_legacy_file(content), create_accounts)
                plan = action.check() if dry_run else action.execute()
                remaining = User.objects.exclude(legacy_role="").count()
        except LegacyFileRefused as refused:
            count = len(refused.problems)
            raise CommandError(
                f"{refused}\n{count} problem{'' if count == 1 else 's'}: nothing of the file was applied."
            ) from refused
        except ActionRefused as refused:
            raise CommandError(f"{refused} Nothing of the file was applied.") from refused
        except Overtaken as overtaken:
            raise CommandError(str(overtaken)) from overtaken
        self._tell(plan, dry_run)
        if remaining:
            self.stdout.write(f"Accounts that still work by their legacy role: {remaining}.")

    def _content(self, file: str) -> bytes:
        if file == STANDARD_INPUT:
            return sys.stdin.buffer.read()
        try:
            return Path(file).read_bytes()
        except OSError as error:
            raise CommandError(f"The file cannot be read: {error}") from error

    def _tell(self, plan: LegacyPlan, dry_run: bool) -> None:
        for row in plan.unchanged:
            self.stdout.write(f"  line {row.line}: {row.email} has the role already")
        for mapping in plan.mappings:
            made = " (a new account)" if mapping.user is None else ""
            self.stdout.write(f"+ line {mapping.row.line}: {mapping.row.email} becomes {mapping.role}{made}")
        new = sum(mapping.user is None for mapping in plan.mappings)
        verb = "would be mapped" if dry_run else "mapped"
        self.stdout.write(f"{len(plan.mappings)} {verb}, {new} of them new; {len(plan.unchanged)} unchanged.")
        if dry_run:
            self.stdout.write("Nothing was changed. Run without --dry-run to make these changes.")
        elif new:
            self.stdout.write("The new accounts have no password: send each a password link in the console.")
