from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import (
            access,  # noqa: F401  (registers the policies)
            history,
        )
        from accounts.actions import role_leaving  # noqa: F401  (connects to the roles)

        history.register()
