from django.apps import AppConfig


class ClientsConfig(AppConfig):
    name = "clients"

    def ready(self) -> None:
        from accounts.actions.invitations import client_assigners
        from clients import history
        from clients.invitations import InvitedClients

        history.register()
        client_assigners.append(InvitedClients())
