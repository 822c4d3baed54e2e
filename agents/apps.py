from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "agents"

    def ready(self) -> None:
        from agents import access, history  # noqa: F401  (the policy registers itself)

        history.register()
