# syntax=docker/dockerfile:1
# One image for both roles: `server` (the default) and `agent`.
#   docker build -t clean-custard .
#   docker run -p 8080:8080 -v custard:/data clean-custard
# PROFILE=dist makes the smallest binary and takes longest.

FROM node:22-bookworm-slim AS ui
WORKDIR /src/assets/ui
COPY assets/ui/package.json assets/ui/package-lock.json assets/ui/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY assets/ui ./
# Only for a UI that is hosted elsewhere than the server.
ARG VITE_API_BASE_URL
RUN npm run build

FROM rust:1.95-slim-bookworm AS build
# The bundled SQLite, libpq and OpenSSL are built from source.
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev make perl \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock build.rs ./
COPY migrations ./migrations
COPY assets ./assets
COPY --from=ui /src/assets/ui/dist ./assets/ui/dist
COPY src ./src
ARG PROFILE=release
# Cached between builds: what was fetched, and the dependencies that were built.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile "$PROFILE" --bin clean-custard \
 && cp "target/$PROFILE/clean-custard" /clean-custard

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin custard \
 && install -d -o custard -g custard -m 0700 /data
COPY --from=build /clean-custard /usr/local/bin/clean-custard
USER custard
# A container is only reached from outside itself; the first visitor is asked for the set-up code in the log.
ENV CUSTARD_SERVER_LISTEN=0.0.0.0:8080 \
    CUSTARD_SERVER_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
# bash opens the socket itself, so the image needs no curl. An agent has no port: switch this off there.
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s --retries=3 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["clean-custard"]
CMD ["server"]
