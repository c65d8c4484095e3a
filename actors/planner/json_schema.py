"""The JSON Schema of `.delta.yml`, for editors. `python -m actors.planner.json_schema` writes it into `docs/`.

It is made from the models that read the file. What they check beyond it (patterns, `needs`, what a matrix makes) only
`delta config check` tells.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from actors.planner.schema import Config

FILE: Final = Path(__file__).parents[2] / "docs" / "delta.schema.json"


def json_schema() -> str:
    """The schema as text, the same for the same models."""
    schema = Config.model_json_schema()
    _close(schema)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Delta CI: .delta.yml, version 1",
    }
    return json.dumps({**schema, **head}, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _close(node: Any) -> None:  # noqa: ANN401 - any part of a JSON document
    """Where keys must look like something, no others are allowed; and titles that only repeat a key are left out."""
    if isinstance(node, list):
        for item in node:
            _close(item)
    if not isinstance(node, dict):
        return
    if "patternProperties" in node:
        node["additionalProperties"] = False
    if isinstance(node.get("title"), str):
        del node["title"]
    for value in node.values():
        _close(value)


if __name__ == "__main__":
    FILE.write_text(json_schema())
