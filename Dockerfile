# Mailhaul without Redis and without mail servers: docker build -t mailhaul .
# Nothing is written outside /var/lib/mailhaul and /tmp, so the root may be mounted read-only.

FROM node:20-slim AS build
WORKDIR /mailhaul
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY scripts/build.mjs scripts/build-program.mjs scripts/keep-compiled.mjs scripts/
COPY config config
COPY src src
COPY workers workers
RUN npm run build

# The two mail servers of docker-compose.yml's profile `try`; no part of Mailhaul.
FROM debian:12-slim AS try
RUN apt-get update && apt-get install -y --no-install-recommends dovecot-pop3d dovecot-imapd && rm -rf /var/lib/apt/lists/*
COPY config/try/dovecot.conf config/try/serve.sh /try/
USER mail
CMD ["sh", "/try/serve.sh"]

FROM node:20-slim AS mailhaul
ENV NODE_ENV=production MAILHAUL_DATA_DIR=/var/lib/mailhaul
WORKDIR /mailhaul
# A bundle: it needs no packages beside it.
COPY --from=build /mailhaul/dist dist
COPY package.json LICENSE ./
COPY config/default.yaml config/providers.yaml config/
RUN install -d -o node -g node -m 700 /var/lib/mailhaul
USER node
VOLUME /var/lib/mailhaul
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# node is the first process: it gets SIGTERM itself, and `init` of docker-compose.yml collects what `command:` secrets leave behind.
ENTRYPOINT ["node", "dist/src/cli.js"]
CMD ["start", "--listen", "0.0.0.0:8080"]
