# Made from cluster/images/catalog.py by `python -m cluster.images runner-python3.13`: change it there.
# docker build -t delta/runner-python3.13 - < runner-python3.13.Dockerfile
FROM debian:trixie-slim
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        build-essential \
        ca-certificates \
        git \
        less \
        python-is-python3 \
        python3 \
        python3-dev \
        python3-pip \
        python3-pytest \
        python3-venv \
        socat \
    && rm -rf /var/lib/apt/lists/*
RUN rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
RUN groupadd --gid 1000 runner
RUN useradd --uid 1000 --gid 1000 --create-home --shell /bin/bash runner
RUN install -d -o runner -g runner /workspace /delta
ENV PATH=/home/runner/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV HOME=/home/runner
ENV LANG=C.UTF-8
ENV PYTHONUNBUFFERED=1
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
ENV PIP_NO_INPUT=1
USER runner
WORKDIR /workspace
CMD ["/bin/bash"]
