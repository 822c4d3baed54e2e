from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class DashboardConfig(AppConfig):
    name = "iam_dashboard"
    label = "iam_dashboard"

    def ready(self) -> None:
        from iam_dashboard import declarations  # noqa: F401  (what the installed packages' routes need)


class ConsoleConfig(AdminConfig):
    """The Django admin on a site of ours: the platform console, governed by the roles."""

    default_site = "iam_dashboard.console.ConsoleSite"
