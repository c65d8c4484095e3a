"""An image that does not exist and is one or two letters from one of Delta's own, corrected in `.delta.yml`. Pure.

The one proposal that touches Delta's configuration: what it writes is a name of Delta's, never a word from a log.
"""

from __future__ import annotations

import re
from typing import Final

from actors.analyzer.proposals.files import Files, text_of
from actors.planner.config import NAME
from actors.planner.mend import FARTHEST, distance
from cluster.images.catalog import CATALOG
from models.errors import ChangeError
from models.job import JobSpec
from models.patch import difference, render
from models.proposal import Proposal, ProposalKind

_LINE: Final = r"(?m)^(\s*(?:- )?image:\s*[\"']?){}(?=[\"']?\s*(?:#.*)?$)"


def of_image(spec: JobSpec, files: Files) -> Proposal | None:
    """The image that was probably meant by a job that was refused. `ChangeError` says why there is none."""
    near = [name for name in CATALOG if 0 < distance(spec.image, name) <= FARTHEST]
    if spec.image in CATALOG or len(near) != 1:
        return None
    old = text_of(files, NAME)
    new, count = re.subn(_LINE.format(re.escape(spec.image)), rf"\g<1>{near[0]}", old)
    if not count or old.count(spec.image) != count:
        raise ChangeError(f"it is not clear where {NAME} names the image {spec.image}")
    file, first, last = difference(NAME, old, new)
    why = f"there is no image {spec.image}, and Delta has one that is called {near[0]}"
    return Proposal(kind=ProposalKind.IMAGE, patch=render([file]), why=why, first=first, last=last, image=near[0])
