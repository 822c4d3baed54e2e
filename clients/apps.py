from django.apps import AppConfig


class ClientsConfig(AppConfig):
    name = "clients"

    def ready(self) -> None:
        from accounts.actions.invitations import client_assigners
        from clients import history
        from clients.decisions import client_kind
        from clients.invitations import InvitedClients
        from roles.engine.objects import register as register_kind

        history.register()
        register_kind(client_kind)
        client_assigners.append(InvitedClients())
