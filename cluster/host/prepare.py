"""The last step of set-up, `python -m cluster.host.prepare`: an engine that answers, and the images it needs.

Imports `cluster.images`, so that `setup.sh` has one command to call. Second time: about a second, nothing is made.
"""

from __future__ import annotations

import sys

from cluster.host.engine import connect, engine
from cluster.images.build import prepare
from cluster.images.catalog import CATALOG
from models.errors import DeltaError


def main() -> int:
    """Make what is missing, line by line on standard output. Returns the exit code."""
    try:
        with engine() as url:
            client = connect(url)
            for recipe in CATALOG.values():
                prepare(client, recipe, say=lambda line: print(line, flush=True))
            client.close()
    except DeltaError as error:
        print(f"delta: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
