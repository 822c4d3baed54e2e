from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actions.first_admin import INSTALLER, CreateFirstSuperAdmin
from accounts.password_links import password_link
from tenancy.context import Origin, acting
from tenancy.errors import ActionRefused, Overtaken


class Command(BaseCommand):
    help = "Make the first super admin of a new installation and print a link that sets their password once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="The person's e-mail address.")
        parser.add_argument("--name", default="", help="The person's name.")

    def handle(self, *args: Any, email: str = "", name: str = "", **options: Any) -> None:
        try:
            with acting(INSTALLER, Origin("command", "create_super_admin")):
                user = CreateFirstSuperAdmin(email, name).execute()
                link = password_link(user)
        except (ActionRefused, Overtaken) as refused:
            raise CommandError(str(refused)) from refused
        except ValidationError as wrong:
            raise CommandError(" ".join(wrong.messages)) from wrong
        self.stdout.write(f"{user.email} is super admin. Set the password once, with this link:\n{link}")
