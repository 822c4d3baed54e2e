from django.apps import AppConfig


class RolesConfig(AppConfig):
    name = "roles"

    def ready(self) -> None:
        from roles import (
            checks,  # noqa: F401  (registers the system checks)
            history,
            usage,
        )
        from tenancy import context

        history.register()
        context.before_commit.append(usage.note_use)
