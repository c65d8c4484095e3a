"""What is told of a job's requests stays printable and bounded, whatever the job asks for."""

from __future__ import annotations

from models.result import OTHER_HOSTS, EgressUse
from sandbox.egress.ledger import ENTRIES, LINES, Ledger
from sandbox.egress.request import MALFORMED, NO_NAME, NOT_LISTED, Asked

PYPI = Asked("CONNECT", "pypi.org", 443, "", "")


def test_requests_of_one_kind_are_one_entry_with_sums() -> None:
    lines: list[str] = []
    ledger = Ledger(lines.append)
    for sent, received in ((1, 10), (2, 20)):
        ledger.carried(ledger.allowed(PYPI, "1.1.1.1"), sent, received)
    ledger.denied(PYPI._replace(host="evil.net"), NOT_LISTED)
    ledger.failed(PYPI, "it could not be reached")
    assert ledger.uses() == (
        EgressUse(host="pypi.org", port=443, allowed=True, count=2, sent_bytes=3, received_bytes=30),
        EgressUse(host="evil.net", port=443, allowed=False, reason=NOT_LISTED, count=1),
        EgressUse(host="pypi.org", port=443, allowed=True, reason="it could not be reached", count=1),
    )
    assert lines == [
        "egress: CONNECT pypi.org:443 allowed → 1.1.1.1",
        "egress: CONNECT pypi.org:443 allowed → 1.1.1.1",
        f"egress: CONNECT evil.net:443 denied: {NOT_LISTED}",
        "egress: CONNECT pypi.org:443 allowed, but it could not be reached",
    ]


def test_a_flood_of_hosts_is_counted_together_and_told_no_more() -> None:
    lines: list[str] = []
    ledger = Ledger(lines.append)
    for number in range(5000):
        ledger.denied(Asked("CONNECT", f"h{number}.evil.net", 443, "", NOT_LISTED), NOT_LISTED)
    uses = ledger.uses()
    assert len(uses) == ENTRIES + 1
    assert uses[-1] == EgressUse(host=OTHER_HOSTS, port=0, allowed=False, count=5000 - ENTRIES)
    assert len(lines) == LINES + 1
    assert "only counted" in lines[-1]
    ledger.carried(ledger.allowed(PYPI, "1.1.1.1"), 5, 6)
    assert ledger.uses()[-1].received_bytes == 6


def test_hostile_words_are_cleaned_and_cut() -> None:
    lines: list[str] = []
    ledger = Ledger(lines.append)
    ledger.denied(Asked("\x1b[2J" * 100, "a\nstep 1 ended\x1b[31m" + "x" * 1000, 0, "", NO_NAME), NO_NAME)
    ledger.denied(Asked("?", "", 0, "", MALFORMED), MALFORMED)
    assert all(line.isprintable() and len(line) < 400 for line in lines)
    assert all(use.host.isprintable() and len(use.host) <= 256 for use in ledger.uses())
