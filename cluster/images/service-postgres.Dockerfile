# Made from cluster/images/catalog.py by `python -m cluster.images service-postgres`: change it there.
# docker build -t delta/service-postgres - < service-postgres.Dockerfile
FROM debian:bookworm-slim
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        postgresql-15 \
        socat \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 1000 runner
RUN useradd --uid 1000 --gid 1000 --create-home --shell /bin/bash runner
RUN install -d -o runner -g runner /workspace
RUN echo "#!/bin/sh" >> /usr/local/bin/start-postgres
RUN echo "set -e" >> /usr/local/bin/start-postgres
RUN echo "data=\$HOME/postgres; user=\${POSTGRES_USER:-postgres}; database=\${POSTGRES_DB:-\$user}" >> /usr/local/bin/start-postgres
RUN echo "cp -r /var/lib/postgres-empty \$data; chmod -R go= \$data" >> /usr/local/bin/start-postgres
RUN echo "sql() { echo \$1 | postgres --single -D \$data postgres > /dev/null; }" >> /usr/local/bin/start-postgres
RUN echo "[ \$user = postgres ] || sql CREATE\\ ROLE\\ \$user\\ SUPERUSER\\ LOGIN" >> /usr/local/bin/start-postgres
RUN echo "[ \$database = postgres ] || sql CREATE\\ DATABASE\\ \$database\\ OWNER\\ \$user" >> /usr/local/bin/start-postgres
RUN echo "set -- -c listen_addresses=127.0.0.1 -c unix_socket_directories=/tmp" >> /usr/local/bin/start-postgres
RUN echo "exec postgres -D \$data \$@ -c fsync=off -c synchronous_commit=off -c full_page_writes=off" >> /usr/local/bin/start-postgres
RUN chmod 755 /usr/local/bin/start-postgres
RUN install -d -o runner -g runner /var/lib/postgres-empty
RUN su -s /bin/sh runner -c "/usr/lib/postgresql/15/bin/initdb --pgdata=/var/lib/postgres-empty --username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --wal-segsize=4"
ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV HOME=/home/runner
ENV LANG=C.UTF-8
USER runner
WORKDIR /workspace
CMD ["start-postgres"]
EXPOSE 5432
LABEL delta.ready="pg_isready --host=127.0.0.1 --quiet"
