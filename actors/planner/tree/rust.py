"""The job of a Rust repository: `cargo test`, for the packages that are chosen or for the whole workspace."""

from __future__ import annotations

import re
from typing import Final

from actors.planner.schema import CacheConfig
from actors.planner.tree.found import Ecosystem, Grain, TreeJob, flags, reason
from actors.planner.tree.manifests import Project, table
from models.ids import JobId
from models.job import JobSpec, Resources

IMAGE: Final = "runner-rust"
IMAGE_RUST: Final = (1, 85)
REGISTRY: Final = ("crates.io", "index.crates.io", "static.crates.io")
# `target/` is files in memory.
RESOURCES: Final = Resources(memory_mb=4096, workspace_mb=3072)

_VERSION: Final = re.compile(r"(\d{1,3})\.(\d{1,4})")
_DEPENDENCIES: Final = re.compile(r"^\s*\[(?:.*\.)?(?:dev-|build-)?dependencies", re.MULTILINE)


def propose(project: Project) -> tuple[str, TreeJob] | None:
    """The job, and what it was recognised by; None where the root has no `Cargo.toml`."""
    if "Cargo.toml" not in project.texts:
        return None
    manifest = project.toml("Cargo.toml")
    asked = table(manifest, "package").get("rust-version", table(manifest, "workspace", "package").get("rust-version"))
    found = _VERSION.match(str(asked))
    if found and (int(found[1]), int(found[2])) > IMAGE_RUST:
        have = f"{IMAGE_RUST[0]}.{IMAGE_RUST[1]}"
        project.notes.append(f"`Cargo.toml` asks for Rust {found[1]}.{found[2]}; the image `{IMAGE}` has {have}")
    locked = " --locked" if "Cargo.lock" in project.there else ""
    workspace = bool(table(manifest, "workspace"))
    chosen = f" {flags('--package=%s ', '--workspace')}" if workspace else ""
    manifests = [text for name, text in project.texts.items() if name.endswith("Cargo.toml")]
    fetches = any(_DEPENDENCIES.search(text) for text in manifests)
    key = ("Cargo.lock",) if locked else ("**/Cargo.toml",)
    spec = JobSpec(
        id=JobId("test"),
        run=(f"cargo test{locked}{chosen}",),
        image=IMAGE,
        env={"CARGO_INCREMENTAL": "0", "CARGO_TERM_COLOR": "never"},
        egress=REGISTRY if fetches else (),
        resources=RESOURCES,
    )
    cache = (CacheConfig(key=key, paths=("~/.cargo/registry",)),) if fetches else ()
    evidence = (reason("`Cargo.toml` is there", 0.95),)
    return "cargo", TreeJob(spec, Ecosystem.RUST, "cargo", evidence, cache, Grain.PACKAGES if workspace else None)
