# Made from cluster/images/catalog.py by `python -m cluster.images runner-rust`: change it there.
# docker build -t delta/runner-rust - < runner-rust.Dockerfile
FROM debian:trixie-slim
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        build-essential \
        ca-certificates \
        cargo \
        git \
        pkg-config \
        rustc \
        socat \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 1000 runner
RUN useradd --uid 1000 --gid 1000 --create-home --shell /bin/bash runner
RUN install -d -o runner -g runner /workspace /delta
ENV PATH=/home/runner/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV HOME=/home/runner
ENV LANG=C.UTF-8
USER runner
WORKDIR /workspace
CMD ["/bin/bash"]
