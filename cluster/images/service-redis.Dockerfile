# Made from cluster/images/catalog.py by `python -m cluster.images service-redis`: change it there.
# docker build -t delta/service-redis - < service-redis.Dockerfile
FROM debian:bookworm-slim
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        redis-server \
        socat \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 1000 runner
RUN useradd --uid 1000 --gid 1000 --create-home --shell /bin/bash runner
RUN install -d -o runner -g runner /workspace
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV HOME=/home/runner
ENV LANG=C.UTF-8
USER runner
WORKDIR /workspace
CMD ["redis-server", "--bind", "127.0.0.1", "--port", "6379", "--save", "", "--dir", "/tmp"]
EXPOSE 6379
LABEL delta.ready="redis-cli ping"
