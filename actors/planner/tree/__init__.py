"""What the tree itself says a project's checks are, where there is no `.delta.yml`: one module for each ecosystem.

Nothing of the project is imported or run, and nothing here does I/O: file names and small manifests, as text.
"""

from actors.planner.tree.found import JUNIT, Ecosystem, Grain, TreeJob, TreeJobs
from actors.planner.tree.manifests import manifest_paths
from actors.planner.tree.owner import foreign
from actors.planner.tree.propose import from_tree

__all__ = ["JUNIT", "Ecosystem", "Grain", "TreeJob", "TreeJobs", "foreign", "from_tree", "manifest_paths"]
