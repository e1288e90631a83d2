# The image of a worker. Beside the source it holds what is in `scoring/`: definition, model and rules of yours.
#   docker build --platform linux/arm64 -t REPOSITORY:TAG .
FROM public.ecr.aws/docker/library/node:24.21.0-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM public.ecr.aws/docker/library/node:24.21.0-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=packages /app/node_modules node_modules
COPY . .
USER 1000
ENTRYPOINT ["node", "bin/weir.ts"]
