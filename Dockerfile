# Signoff: bot, worker, or both.
#
#   docker run --init --stop-timeout 40 --env-file signoff.env -p 3000:3000 \
#     -v signoff-data:/data -v ./releases.yml:/config/releases.yml:ro -v ./env:/config/env:ro signoff start --role all
#
# It also runs with --read-only --tmpfs /tmp. Env files that releases.yml names must be readable by user 10001.

FROM node:24-bookworm-slim AS modules
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev && npm cache clean --force

FROM node:24-bookworm-slim
# For the worker: git with git-lfs, alembic with its Postgres driver, and bubblewrap, which isolates migrations where the container may
# make namespaces (docs/security.md). An app whose migrations import more brings its own image.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends alembic bubblewrap ca-certificates git git-lfs python3-psycopg2 \
  && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin signoff \
  && install --directory --owner=signoff --group=signoff --mode=0700 /data
WORKDIR /app
COPY --from=modules /app/node_modules ./node_modules
COPY package.json LICENSE manifest.yml ./
COPY bin ./bin
COPY src ./src
# The store of `--role all` without STORE_URL: links between its libraries, which user signoff could not make here.
RUN node --input-type=module --eval "import { postgresBinaries } from './src/adapters/embedded-postgres/binaries.ts'; await postgresBinaries()"
ENV NODE_ENV=production \
    DATA_DIR=/data \
    RELEASES_FILE=/config/releases.yml \
    PORT=3000
USER signoff
VOLUME ["/data"]
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.HEALTH_PORT || process.env.PORT || 3000) + '/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/bin/signoff.js"]
CMD ["start"]
