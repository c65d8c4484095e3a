"""Checks that the documentation holds together: every relative link leads to a file. Exit code 1 if one does not."""

import re
import sys
from pathlib import Path

LINK = re.compile(r"\[[^\]]+\]\((?!https?:)([^)#]+)")


def broken_links(root: Path) -> list[str]:
    """One line for each link that leads nowhere, as `file:line: link`."""
    broken = []
    for page in sorted([*root.glob("*.md"), *root.glob("docs/**/*.md")]):
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
            for link in LINK.findall(line):
                if not (page.parent / link).exists():
                    broken.append(f"{page.relative_to(root)}:{number}: error: no such file: {link}")
    return broken


if __name__ == "__main__":
    found = broken_links(Path(__file__).resolve().parent.parent)
    print("\n".join(found) or "all links lead somewhere")
    sys.exit(1 if found else 0)
