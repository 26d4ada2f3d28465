# Two images from one source, so that they always fit: `app` runs the program, `proxy` is Caddy with the
# static files of that program. docker-compose.yml builds and connects them.

FROM python:3.12-slim AS packages
COPY requirements.lock .
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock


FROM python:3.12-slim AS app
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DATA_DIR=/data \
    STATIC_ROOT=/app/static \
    WEB_HOST=0.0.0.0 \
    WEB_PORT=8000
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin pairwright \
 && install --directory --owner pairwright --mode 700 /data
COPY --from=packages /venv /venv
WORKDIR /app
COPY . .
RUN python -m config.translations \
 && python -m compileall -q annotation config rating
# The settings want the values of a deployment; collecting files uses none of them, and none stays.
RUN DATABASE_URL=postgresql://build REDIS_URL=redis://build PUBLIC_URL=https://build.invalid \
    SECRET_KEY=$(python -c "import secrets; print(secrets.token_urlsafe(50))") \
    python manage.py collectstatic --noinput
USER pairwright
VOLUME /data
EXPOSE 8000
CMD ["python", "-m", "config.server"]


FROM caddy:2-alpine AS proxy
COPY deploy/Caddyfile /etc/caddy/Caddyfile
COPY --from=app /app/static /srv/static
