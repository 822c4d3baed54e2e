# syntax=docker/dockerfile:1
FROM python:3.11-slim AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements.txt .
# Wheels only: nothing is compiled, so no stage needs build tools.
RUN /opt/venv/bin/pip install --require-hashes --only-binary=:all: -r requirements.txt \
    && /opt/venv/bin/pip uninstall --yes pip

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    FORWARDED_ALLOW_IPS= \
    MEDIA_ROOT=/app/media \
    STATIC_ROOT=/app/staticfiles
RUN groupadd --gid 10001 app && useradd --uid 10001 --gid app --no-create-home --home-dir /app --shell /usr/sbin/nologin app
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY . .
# The settings ask for addresses; collecting files opens none of them, and the values are not kept in the image.
RUN install --directory --owner=app --group=app --mode=0700 media \
    && SECRET_KEY=for-the-build-only DEBUG=false DATABASE_URL=postgres://build@127.0.0.1:1/build \
       REDIS_URL=redis://127.0.0.1:1/0 python manage.py collectstatic --noinput --verbosity=0 \
    && python -m compileall -q .
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["gunicorn", "iam_dashboard.asgi:application", "--bind=0.0.0.0:8000", "--workers=2", \
     "--worker-class=iam_dashboard.worker.Worker", "--worker-tmp-dir=/dev/shm", "--graceful-timeout=30", \
     "--no-control-socket", "--reuse-port"]
