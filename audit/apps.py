from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"

    def ready(self) -> None:
        from audit.recording import record_denial, write_pending
        from tenancy import context

        context.before_commit.append(write_pending)
        context.after_denial.append(record_denial)
