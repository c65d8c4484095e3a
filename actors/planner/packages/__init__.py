"""Selection at package grain, for languages whose manifests or imports say which package needs which. Pure.

`package_paths` names the files to read, `packages` makes the graph, `affected` follows a change through it, and `words`
writes the selection for the tool that runs the tests.
"""

from actors.planner.packages.graph import Affected, Package, PackageGraph, affected
from actors.planner.packages.read import package_paths, packages
from actors.planner.packages.words import words

__all__ = ["Affected", "Package", "PackageGraph", "affected", "package_paths", "packages", "words"]
