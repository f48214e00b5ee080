# A server for clients in other containers, without Python on the machine.
#
#   docker build -t mockserver .
#   docker run --rm -p 4000:4000 -e MOCKSERVER_SIMULATE_TOKEN=secret mockserver simulate openai
#
# The token guards the control API, which is off without one where others can connect. See docs/containers/README.md.
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY mockserver ./mockserver
RUN pip install --no-cache-dir --prefix /installed ".[tls,uvloop]"

FROM python:3.13-slim
COPY --from=build /installed /usr/local
RUN useradd --create-home --uid 10001 mockserver
USER mockserver
WORKDIR /home/mockserver
# Options are variables. Inside a container loopback is nobody's: the port is published by whoever runs it.
ENV PYTHONUNBUFFERED=1 \
    MOCKSERVER_SIMULATE_HOST=0.0.0.0 MOCKSERVER_SIMULATE_PORT=4000 \
    MOCKSERVER_REPLAY_HOST=0.0.0.0 MOCKSERVER_REPLAY_PORT=4000 \
    MOCKSERVER_SERVE_HOST=0.0.0.0 MOCKSERVER_SERVE_PORT=4000 \
    MOCKSERVER_RECORD_HOST=0.0.0.0 MOCKSERVER_RECORD_PORT=4000
EXPOSE 4000
# Healthy: something listens on the port. (The control API may want a token.)
HEALTHCHECK --interval=5s --timeout=3s --start-period=5s \
    CMD ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 4000), 2).close()"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["mockserver"]
CMD ["simulate", "openai"]
