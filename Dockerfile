# One bundled file on a base image without a shell.
FROM node:24-bookworm-slim AS build
WORKDIR /source
COPY package.json package-lock.json .npmrc ./
# The image has its own Node: the package that brings one to older machines is not needed, nor is any other install script.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY scripts scripts
COPY src src
RUN node scripts/build.ts

FROM gcr.io/distroless/nodejs24-debian12:nonroot
LABEL org.opencontainers.image.title="hostport-operator" \
      org.opencontainers.image.description="Host ports for annotated Pods, never the same one twice" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /source/dist /app
EXPOSE 9443 8081
ENTRYPOINT ["/nodejs/bin/node", "--lite-mode", "--max-semi-space-size=1", "/app/hostport-operator.js"]
CMD ["serve"]
