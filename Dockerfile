# engmetrics: one image, two commands (serve, collect). See compose.yaml for how they go together.
#
#   docker build -t engmetrics .
#   docker run --rm engmetrics --help
ARG PYTHON_TAG=3.13-slim-bookworm

FROM python:${PYTHON_TAG} AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY containers containers
COPY metrics_api metrics_api
COPY collectors collectors
COPY simulator simulator
COPY dashboards dashboards
RUN containers/venv /opt/engmetrics \
    && install -m 0755 containers/healthcheck.py /opt/engmetrics/bin/healthcheck.py

FROM python:${PYTHON_TAG}
LABEL org.opencontainers.image.title="engmetrics" \
      org.opencontainers.image.description="Engineering metrics from GitLab and TAPD for Grafana" \
      org.opencontainers.image.licenses="Apache-2.0"
# Volumes mounted here begin with this owner. The group is root's, which has no rights by itself: Grafana's image
# runs in it as well, and so reads the token that is made for it.
RUN install -d -o 10001 -g 0 -m 0750 /run/engmetrics /var/lib/engmetrics
COPY --from=build /opt/engmetrics /opt/engmetrics
ENV PATH=/opt/engmetrics/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ENGMETRICS_SERVER__HOST=0.0.0.0 \
    ENGMETRICS_LOG__FORMAT=json
WORKDIR /var/lib/engmetrics
USER 10001:0
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
    CMD ["/opt/engmetrics/bin/python", "/opt/engmetrics/bin/healthcheck.py"]
ENTRYPOINT ["engmetrics"]
CMD ["serve"]
