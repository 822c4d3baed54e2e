"""The Celery application: `celery -A iam_dashboard worker`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iam_dashboard.settings")

app = Celery("iam_dashboard", task_cls="tenancy.tasks:ActingTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
