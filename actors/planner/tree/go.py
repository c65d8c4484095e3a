"""The job of a Go repository: `go test`, for the packages that are chosen or for all."""

from __future__ import annotations

import re
from typing import Final

from actors.planner.schema import CacheConfig
from actors.planner.tree.found import TESTS, Ecosystem, Grain, TreeJob, reason
from actors.planner.tree.manifests import Project
from models.ids import JobId
from models.job import JobSpec, Resources

IMAGE: Final = "runner-go"
IMAGE_GO: Final = (1, 24)
REGISTRY: Final = ("proxy.golang.org", "sum.golang.org")
# The compiler's cache and the modules are files in memory.
RESOURCES: Final = Resources(memory_mb=4096, workspace_mb=2048)

_GO_LINE: Final = re.compile(r"^go\s+(\d{1,3})\.(\d{1,4})", re.MULTILINE)
_REQUIRES: Final = re.compile(r"^\s*require\b", re.MULTILINE)
_USE: Final = re.compile(r"^\s*(?:use\s+)?(\.[\w./-]*)\s*(?://.*)?$", re.MULTILINE)


def propose(project: Project) -> tuple[str, TreeJob] | None:
    """The job, and what it was recognised by; None where the root has neither `go.mod` nor `go.work`."""
    manifest = next((name for name in ("go.work", "go.mod") if name in project.texts), None)
    if manifest is None:
        return None
    text = project.text(manifest)
    found = _GO_LINE.search(text)
    newer = found is not None and (int(found[1]), int(found[2])) > IMAGE_GO
    if found and newer:
        have = f"{IMAGE_GO[0]}.{IMAGE_GO[1]}"
        project.notes.append(
            f"`{manifest}` asks for Go {found[1]}.{found[2]}; the image has {have} and fetches the newer one by itself"
        )
    vendored = "vendor/modules.txt" in project.there
    fetches = newer or (not vendored and (_REQUIRES.search(text) is not None or manifest == "go.work"))
    everything = "./..."
    if manifest == "go.work":
        used = [path.rstrip("/") for path in _USE.findall(text)[:100]]
        everything = " ".join(f"{path}/..." for path in dict.fromkeys(used)) or everything
    key = tuple(name for name in ("go.mod", "go.sum", "go.work", "go.work.sum") if name in project.there)
    spec = JobSpec(
        id=JobId("test"),
        run=(f"go test ${{{TESTS}:-{everything}}}",),
        image=IMAGE,
        # Without it, modules are read-only folders that a cache cannot be restored into.
        env={"GOFLAGS": "-modcacherw"},
        egress=REGISTRY if fetches else (),
        resources=RESOURCES,
    )
    evidence = (reason(f"`{manifest}` is there", 0.95),)
    cache = (CacheConfig(key=key, paths=("~/go/pkg/mod",)),) if fetches else ()
    return "go", TreeJob(spec, Ecosystem.GO, "go", evidence, cache, Grain.PACKAGES)
