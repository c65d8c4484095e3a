"""Selection at package grain, for languages whose manifests or imports say which package needs which. Pure.

`package_paths` names the files to read, `packages` makes the graph, `affected` follows a change through it, `word`
writes a package for the tool that runs the tests, and `PackageSources` does all of that for one change.
"""

from actors.planner.packages.graph import Affected, Package, PackageGraph, affected
from actors.planner.packages.read import package_paths, packages
from actors.planner.packages.sources import PackageSources
from actors.planner.packages.words import word

__all__ = ["Affected", "Package", "PackageGraph", "PackageSources", "affected", "package_paths", "packages", "word"]
