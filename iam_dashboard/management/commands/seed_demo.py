from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from iam_dashboard.demo.generators import make_world
from iam_dashboard.demo.seeding import SeedingError, read_people_file, seed, write_people_file


class Command(BaseCommand):
    help = (
        "Write the demo world into the database, and a list of demo people with password and token into a file. "
        "What is there already stays as it is; the list is written again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", type=Path, required=True, help="The file for the list of demo people.")
        parser.add_argument(
            "--password", help="The password of the demo people; without it the list's own is kept, or one is made up."
        )

    def handle(self, *args: Any, output: Path, password: str | None = None, **options: Any) -> None:
        if not output.parent.is_dir():
            raise CommandError(f"The directory {output.parent} does not exist: make it, or name another file.")
        try:
            if password is not None:
                validate_password(password)
            kept = read_people_file(output)
            world = make_world(anchor=timezone.localdate())
            people = seed(world, kept, self._say, password)
        except ValidationError as error:
            raise CommandError(f"The password cannot be used. {' '.join(error.messages)}") from error
        except SeedingError as error:
            raise CommandError(str(error)) from error
        write_people_file(output, people)
        self._say(f"Written: {output}")

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()
