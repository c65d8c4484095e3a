"""The page about the state machines says what the tables say."""

from __future__ import annotations

from models.diagrams import PAGE, diagram, page
from models.machines import LEASE, LeaseState


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text() == page(), "run `python -m models.diagrams`"


def test_a_diagram_has_a_beginning_every_edge_and_every_end() -> None:
    assert diagram(LEASE, LeaseState).splitlines() == [
        "stateDiagram-v2",
        "    [*] --> held",
        "    held --> held: renew",
        "    held --> released: release",
        "    held --> expired: expire",
        "    held --> revoked: revoke",
        "    released --> [*]",
        "    expired --> [*]",
        "    revoked --> [*]",
    ]
