# The image of userd: its build output and its production dependencies, run by an ordinary user.
#
# It listens on all addresses, so it starts only with credentials and TLS (TOKEN_FILE, TLS_CERT, TLS_KEY, see SECURITY.md), or with settings that
# say that the network protects it (PLAINTEXT=true, INSECURE=true).
# test/packaging runs these steps one by one.
#
# The base image is named by the digest of its index: what a tag names is built anew whenever Debian has corrections. To take those, or another
# version of Node, ask the registry (`docker buildx imagetools inspect node:VERSION-bookworm-slim`), and change all three.

FROM node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6 AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build

FROM node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6 AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE option-definitions.yaml ./
COPY bin bin
# The folder of the embedded database; with PostgreSQL nothing is written to it. 1000 is the image's user "node".
RUN install -d -o 1000 -g 1000 -m 700 /data
VOLUME /data
USER 1000:1000
ENV NODE_ENV=production
ENV DATABASE_URL=pglite:/data
ENV GRPC_LISTEN=0.0.0.0:50051
ENV HTTP_LISTEN=0.0.0.0:8080
# For a single process, as workers have it (docs/adr/0072).
ENV GLIBC_TUNABLES=glibc.malloc.mxfast=0
EXPOSE 50051 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["node", "-e", "process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'; fetch((process.env.TLS_CERT && !process.env.ADMIN_LISTEN ? 'https' : 'http') + '://127.0.0.1:' + (process.env.ADMIN_LISTEN || process.env.HTTP_LISTEN).split(':').at(-1) + '/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# The flags of `npm start` (docs/adr/0019).
ENTRYPOINT ["node", "--max-semi-space-size=16", "bin/userd.js"]
CMD ["serve"]
