"""The last step of set-up, `python -m cluster.host.prepare`: an engine that answers, and the images it needs.

With names, those images of the catalog instead of the usual ones. Imports `cluster.images`, so that `setup.sh` has one
command to call. Second time: about a second, nothing is made.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cluster.host.engine import connect, engine
from cluster.images.build import prepare
from cluster.images.catalog import CATALOG, USUAL
from models.errors import DeltaError


def main(names: Sequence[str] = ()) -> int:
    """Make what is missing, line by line on standard output. Returns the exit code."""
    unknown = [name for name in names if name not in CATALOG]
    if unknown:
        print(f"delta: no image {', '.join(unknown)}; there are {', '.join(CATALOG)}", file=sys.stderr)
        return 2
    try:
        with engine() as url:
            client = connect(url)
            for name in names or USUAL:
                prepare(client, CATALOG[name], say=lambda line: print(line, flush=True))
            client.close()
    except DeltaError as error:
        print(f"delta: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
