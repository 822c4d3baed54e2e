from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from roles.actions.sync import SYNC, SyncPlan, apply_sync, plan_sync
from tenancy.context import Origin, acting
from tenancy.errors import Overtaken


class Command(BaseCommand):
    help = "Show how the catalogue and the built-in roles differ from the release, and with --apply bring them to it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--apply", action="store_true", help="Make the changes instead of showing them.")
        parser.add_argument(
            "--allow-removals", action="store_true", help="Also take away permissions that the release does not give."
        )

    def handle(self, *args: Any, apply: bool = False, allow_removals: bool = False, **options: Any) -> None:
        try:
            plan = self._synced(apply, allow_removals)
        except Overtaken as overtaken:
            raise CommandError(str(overtaken)) from overtaken
        if plan.is_empty:
            return
        if not apply:
            self.stdout.write("Nothing was changed. Run with --apply to make these changes.")
        elif plan.removals and not allow_removals:
            raise CommandError(
                f"{len(plan.removals)} permissions were left with their roles. Take them away with --allow-removals."
            )

    def _synced(self, apply: bool, allow_removals: bool) -> SyncPlan:
        """Return what differs from the release, told and, if it is to be, put right."""
        with acting(SYNC, Origin("command", "sync_roles")):
            plan = plan_sync()
            for sentence in plan.sentences:
                self.stdout.write(sentence)
            if plan.is_empty:
                self.stdout.write("Nothing differs from the release.")
            elif apply:
                apply_sync(plan, allow_removals=allow_removals)
        return plan
