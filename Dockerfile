# The images, built in containers: static programs and nothing else.
#
#     docker build --target push-manager -t push-manager .
#     docker build --target push-manager-operator -t push-manager-operator .
#     docker build --target push-manager-reference -t push-manager-reference .
#
# The first takes minutes; the others take what it built. Linux on amd64 or arm64: the one it runs on.
# `cargo xtask images --load` makes images of the same programs without containers. Add DOCKER_BUILDKIT=1
# before Docker 23, or each command builds all three images.

# Any image with Rust 1.95, a C compiler and glibc's static library.
ARG RUST_IMAGE=rust:1.95-bookworm

# What labels tell. The history is not sent here, so whoever builds names them:
#   --build-arg VERSION=0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" --build-arg CREATED="$(git log -1 --format=%cI)"
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z

FROM ${RUST_IMAGE} AS build
WORKDIR /src
COPY . .
# With the target named, the flags are the programs' alone: macros and build scripts can't be static.
RUN set -eu; \
    target="$(rustc -vV | sed -n 's/^host: //p')"; \
    cargo xtask cargo build --release --locked --bins --target "$target" \
      --config "target.$target.rustflags = ['-Ctarget-feature=+crt-static', '-Cstrip=debuginfo']" \
      --package push-manager --package push-manager-operator --package push-manager-reference; \
    mkdir -p /out/etc; \
    echo 'hosts: files dns' > /out/etc/nsswitch.conf; \
    echo 'push-manager:x:65532:65532::/:/nowhere' > /out/etc/passwd; \
    cd "target/$target/release"; \
    cp push-manager push-manager-operator push-manager-controller push-manager-node /out/

FROM scratch AS push-manager-operator
ARG VERSION
ARG REVISION
ARG CREATED
LABEL org.opencontainers.image.title="push-manager-operator" \
      org.opencontainers.image.description="Runs Push-Manager in Kubernetes" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/etc/ /etc/
COPY --from=build /out/push-manager-operator /push-manager-operator
ENV PATH=/
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/push-manager-operator"]

# Two programs; whoever runs it names one: /push-manager-controller or /push-manager-node.
FROM scratch AS push-manager-reference
ARG VERSION
ARG REVISION
ARG CREATED
LABEL org.opencontainers.image.title="push-manager-reference" \
      org.opencontainers.image.description="A Connect-Node and a Controller-Manager to try Push-Manager with" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/etc/ /etc/
COPY --from=build /out/push-manager-controller /out/push-manager-node /
ENV PATH=/
USER 65532:65532
EXPOSE 50051 50052 8080

# The last one is what a build without --target makes.
FROM scratch AS push-manager
ARG VERSION
ARG REVISION
ARG CREATED
LABEL org.opencontainers.image.title="push-manager" \
      org.opencontainers.image.description="Takes pushes from business servers and fans them out to Connect-Nodes" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/etc/ /etc/
COPY --from=build /out/push-manager /push-manager
ENV PATH=/
USER 65532:65532
EXPOSE 50053 50054 9093
ENTRYPOINT ["/push-manager"]
