from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from iam_dashboard.coverage import measure


class Command(BaseCommand):
    help = "List every route, console page and guarded model with what it needs, and the share that is covered."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, **options: Any) -> None:
        coverage = measure()
        if options["json"]:
            self.stdout.write(json.dumps(coverage.as_dict(), indent=2))
        else:
            for way in coverage.ways:
                self.stdout.write(f"{way.kind:13} {way.where:70} {way.needs}")
            self.stdout.write(f"\n{len(coverage.ways)} ways in, {coverage.covered:.0%} declare what they need.")
            grantable = len(coverage.used_keys) + len(coverage.unused_keys)
            self.stdout.write(
                f"{len(coverage.used_keys)} of {grantable} keys guard something ({coverage.key_share:.0%})."
            )
        if coverage.covered < 1:
            raise CommandError("Some ways in declare nothing; see above.")
