# One image for every role: what a container does is ROLES. `npm run image:check` performs the steps below without Docker.
#
#   docker build -t smallchange:0.1.0 .
#   docker run --rm -p 8080:8080 -e AUTH=anonymous smallchange:0.1.0
#
# A tag can be moved to another image, a digest cannot: for what you publish give it (docs/releasing.md says where it is from),
#
#   docker build --build-arg NODE_IMAGE=node:24-slim@sha256:… -t smallchange:0.1.0 .
ARG NODE_IMAGE=node:24-slim

# Compiles, with everything the lock names.
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json tsconfig.client.json ./
COPY scripts/build.mjs scripts/app-bundle.mjs scripts/client-bundle.mjs scripts/client-joined.mjs scripts/client-names.mjs scripts/
COPY src/ src/
RUN node scripts/build.mjs
RUN mkdir -p volumes/data && chmod 1777 volumes/data

# What is needed to run, and nothing else: no compiler, no tests.
FROM ${NODE_IMAGE} AS modules
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
# A container's loopback reaches nobody. Beyond loopback AUTH has to be said: without it the process ends with 2 and says so.
ENV HOST=0.0.0.0
WORKDIR /app
COPY --from=modules /app/node_modules/ node_modules/
COPY --from=build /app/dist/ dist/
COPY package.json ./
# Where a volume for DATA_DIR may be: what it is there, a new volume becomes, and anybody may make a directory of his own in it.
COPY --from=build /app/volumes/ /
# A number, so that runAsNonRoot can be checked; of nobody on any machine. Nothing else is ever written: the root may be read-only.
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
# /healthz says that the process lives; it never asks Redis, so a Redis that is away restarts nothing.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8080) + '/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Node is the first process and hears SIGTERM itself: no shell in between that would swallow it.
# As `npm start` (Node 24): a larger young generation leaves some 6 KB more per stream behind. And V8 learns in a storm of connects
# that what requests are made of lives for long; from then on each that is dead keeps the next alive, some 2 KB per stream.
CMD ["node", "--max-semi-space-size=16", "--no-allocation-site-pretenuring", "dist/main.js"]
