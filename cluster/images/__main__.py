"""`python -m cluster.images NAME` writes the Dockerfile of an image beside its recipe."""

from __future__ import annotations

import sys
from pathlib import Path

from cluster.images.catalog import CATALOG
from cluster.images.recipe import dockerfile

if __name__ == "__main__":
    for name in sys.argv[1:]:
        Path(__file__).with_name(f"{name}.Dockerfile").write_text(dockerfile(CATALOG[name]))
