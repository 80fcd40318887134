# The server, in an image of its own: docker build -t agentops . && docker run -p 8717:8717 -v agentops:/data agentops
# `cargo xtask packaging` runs the commands of this file on a machine without an engine.
FROM rust:1.95-slim-trixie AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p agentops-cli

FROM debian:trixie-slim
RUN useradd --system --uid 10001 --no-create-home agentops && install -d -o agentops -m 700 /data
COPY --from=build /src/target/release/agentops /usr/local/bin/agentops
USER 10001
VOLUME /data
EXPOSE 8717
STOPSIGNAL SIGTERM
ENTRYPOINT ["agentops", "serve", "--listen", "0.0.0.0:8717", "--data-dir", "/data", "--log-format", "json"]
