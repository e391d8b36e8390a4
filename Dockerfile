# A small image with the one binary; it runs as nobody in particular, on a read-only root.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cargo build --locked --profile dist --package apsides-cli

FROM debian:bookworm-slim
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home apsides && install -d -o apsides /data
COPY --from=build /src/target/dist/apsides /usr/local/bin/apsides
USER apsides
WORKDIR /data
VOLUME /data
ENTRYPOINT ["apsides"]
