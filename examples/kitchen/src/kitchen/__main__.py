"""`python3 -m kitchen RECIPE --servings N` prints the recipe for N people."""

import argparse
import sys
from pathlib import Path

from kitchen import recipe


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0, or 2 for a recipe that is not understood."""
    parser = argparse.ArgumentParser(prog="kitchen", description="Scale a recipe.")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--servings", type=int, required=True)
    options = parser.parse_args(arguments)
    try:
        print(recipe.parse(options.recipe.read_text(encoding="utf-8")).scaled(options.servings))
    except (OSError, ValueError) as error:
        print(f"kitchen: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
