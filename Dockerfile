# The service as an image: docker build -t fbclass .
# A registry inside the company can take the place of Docker Hub: --build-arg PYTHON=registry.example/python:3.13.9-slim-trixie

ARG PYTHON=python:3.13.9-slim-trixie

FROM ${PYTHON} AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src ./src
COPY data/themes.yaml ./data/themes.yaml
COPY models/fbclass-small ./models/fbclass-small
RUN python -m venv /opt/fbclass \
    && /opt/fbclass/bin/python -m pip install --no-cache-dir --disable-pip-version-check -c constraints.txt ".[api]"

FROM ${PYTHON}
ENV PATH=/opt/fbclass/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FBCLASS_HOST=0.0.0.0 \
    FBCLASS_PORT=8000 \
    FBCLASS_DATABASE_URL=sqlite:////var/lib/fbclass/fbclass.db
# A number, so that Kubernetes can see that it is not root (runAsNonRoot).
RUN groupadd --gid 10001 fbclass \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/fbclass --create-home --shell /usr/sbin/nologin fbclass
COPY --from=build /opt/fbclass /opt/fbclass
COPY api /app/api
WORKDIR /app
USER 10001:10001
VOLUME /var/lib/fbclass
EXPOSE 8000
# http.client: a proxy set in the environment must not stand between the check and the service.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['FBCLASS_PORT']), timeout=4); c.request('GET', '/health/ready'); sys.exit(c.getresponse().status != 200)"]
# SIGTERM lets requests in flight finish.
CMD ["python", "-m", "api"]
