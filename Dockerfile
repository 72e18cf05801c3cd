# The image contains the bundled program, Node, and the libraries that Node is linked with; nothing else.
# The digest is that of the multi-platform index of node:24.18-bookworm-slim.
ARG NODE_IMAGE=node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d
FROM ${NODE_IMAGE} AS build
WORKDIR /source
COPY package.json package-lock.json .npmrc ./
# No install scripts: the image has Node already, so the package "node" need not bring one, and no other package needs its script.
RUN npm ci --ignore-scripts
COPY LICENSE tsconfig.json ./
COPY scripts scripts
COPY src src
RUN node scripts/build.ts && node scripts/image-rootfs.ts /rootfs

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hostport-operator" \
      org.opencontainers.image.description="Host ports for annotated Pods, never the same one twice" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /rootfs /
USER 65532:65532
EXPOSE 9443 8081 8080
ENV MALLOC_ARENA_MAX=2
ENTRYPOINT ["/bin/node", "--min-semi-space-size=4", "--max-semi-space-size=8", "--no-turbofan", "--no-maglev", "--heap-growing-percent=20", "--initial-old-space-size=8", "/app/hostport-operator.js"]
CMD ["serve"]
