import pytest

from actors.analyzer.categorize import categorize
from models.failure import Category

LINES = [
    (
        "ERROR: Job failed (system failure): Cannot connect to the Docker daemon at unix:///x",
        "infrastructure",
    ),
    (
        "LLVM ERROR: IO failure: No space left on device\nerror: could not compile `tea`",
        "infrastructure",
    ),
    ("fatal: unable to access 'https://forge.example/tea.git/': Empty reply from server", "infrastructure"),
    ('Get "https://registry.example/v2/": dial tcp 10.0.0.1:443: connect: network is unreachable', "infrastructure"),
    ("npm ERR! code ETIMEDOUT", "infrastructure"),
    ("curl: (22) The requested URL returned error: 503", "infrastructure"),
    ("error: internal compiler error: unexpected panic", "infrastructure"),
    (
        "process failed: `rustc tea` (signal: 9, SIGKILL: kill)\nerror: could not compile `tea`",
        "out_of_memory",
    ),
    ("java.lang.OutOfMemoryError: Java heap space", "out_of_memory"),
    ("ERROR: Job failed: execution took longer than 2h0m0s seconds", "timeout"),
    ("No output has been received in the last 10m0s, this potentially indicates a stalled build", "timeout"),
    ("Error: Resource not accessible by integration", "security_policy"),
    ("error: 5 vulnerabilities found!", "security_policy"),
    ("Could not find artifact tea:tea:jar:0.2.4 in central (https://repo.example/maven2/)", "dependency"),
    ("Error: Cannot find module 'left-pad'", "dependency"),
    ("Your requirements could not be resolved to an installable set of packages.", "dependency"),
    ("tea/README.md: 750: MD034/no-bare-urls Bare URL used", "lint"),
    ('ERROR: "lint:js" exited with 1.', "lint"),
    ("src/a.py:1:1: F401 [*] `os` imported but unused", "lint"),
    ("src/Tea/Diff.hs:183:31: error:\n    * Variable not in scope: (<>)", "build"),
    ("src/tea.erl:91: field description undefined in record tea", "build"),
    ("/tmp/tea.o: In function `brew':\ntea.c: undefined reference to `kettle'", "build"),
    ('Error: Invalid CSS after "2.3em": expected expression', "build"),
    ("rake aborted!\nNo Rakefile found (looking for: rakefile, Rakefile)", "configuration"),
    ("/ci/job: line 78: test/brew.sh: No such file or directory", "configuration"),
    ("build.sh: line 3: brew: command not found", "configuration"),
    ("tea_SUITE:brew failed on line 695\nReason: case_clause", "test"),
    ("Tests run: 3, Failures: 1, Errors: 0", "test"),
    ("==7==ERROR: AddressSanitizer: SEGV on unknown address 0x000001d548d0", "test"),
    ("everything is as it should be", "unknown"),
]


@pytest.mark.parametrize(("text", "category"), LINES)
def test_what_a_log_says_has_its_kind(text: str, category: str) -> None:
    verdict = categorize(text, (), None, excerpt=text)
    assert verdict.category == category
    assert verdict.looked_at


@pytest.mark.parametrize("text", [text for text, category in LINES if category != "unknown"])
def test_words_near_the_end_count_for_less(text: str) -> None:
    assert categorize(text, (), None).confidence < categorize(text, (), None, excerpt=text).confidence


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "word",
    [
        "dial tcp ",
        "could not resolve a:",
        "error: ",
        "go: ",
        "a:",
        "bash: ",
        ": ",
        "lint",
        "/a",
        "❌ a",
        "x.erl:1: ",
        "1",
    ],
)
def test_no_line_takes_long(word: str) -> None:
    line = (word * 2_000)[:2_000]
    assert categorize("\n".join([line] * 120), (), None).category in Category
