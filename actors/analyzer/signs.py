"""Words of logs that tell what kind of failure it was, as a table: the category, how often that is right, the words.

Two things decide the confidence of a row. Words that only the cause itself writes (a full disk, a package that nobody
has) go before words that a tool writes after any failure (`build failed`). And what is not the change's fault goes
before what follows from it: a compiler that was killed also did not compile.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from models.failure import Category


class Sign(NamedTuple):
    """`what` is said to a person: what was seen."""

    category: Category
    confidence: float
    words: re.Pattern[str]
    what: str


def _sign(category: Category, confidence: float, what: str, *words: str) -> Sign:
    return Sign(category, confidence, re.compile("|".join(words), re.MULTILINE | re.IGNORECASE), what)


SIGNS: Final = (
    # The machine, the network, the system that ran the job.
    _sign(
        Category.INFRASTRUCTURE,
        0.95,
        "a machine that failed",
        r"no space left on device|disk quota exceeded|input/output error$|read-only file system",
        r"job failed \(system failure\)|preparation failed: |prepare environment: |waiting for pod running",
        r"cannot connect to the docker daemon|runner has received a shutdown signal|lost communication with the server",
        r"the hosted runner .{0,80}lost|the self-hosted runner .{0,80}lost|runner system failure|evicted from node",
        r"failed to pull image|error pulling image|toomanyrequests: |no such container|too many open files in system",
    ),
    _sign(
        Category.INFRASTRUCTURE,
        0.85,
        "a network that failed",
        r"temporary failure (?:in name resolution|resolving)",
        r"could ?n[o']t resolve (?:host|proxy)|network is unreachable",
        r"unable to resolve host|failure when receiving data from the peer|network failure seems to have happened",
        r"connection (?:reset by peer|timed out|closed by remote host)|\betimedout\b|\beconnreset\b|\beai_again\b",
        r"tls handshake (?:timeout|failed)|early eof|the remote end hung up unexpectedly|rpc failed; |i/o timeout",
        r"unable to access 'https?://|failed to fetch some objects from|no route to host",
        r"dial tcp\b.{0,200}(?:refused|timeout|lookup)|couldn't execute (?:post|put|get) against",
        r"could ?n[o']t establish http connection|failed to (?:fetch|download) .{0,200}(?:timed? ?out|timeout)",
        r"(?:error|status|returned|code|http/\S{1,3}):? {0,3}50[0234]\b|\b50[234] (?:bad gateway|service unavailable)",
        r"\b(?:bad gateway|gateway time-?out|service (?:temporarily )?unavailable)\b|readtimeouterror|socket hang up",
        r"certificate has expired|no certificate subject alternative name|hash sum mismatch|is not signed\.?$",
        r"server certificate verification failed|certificate verify failed|failed to connect to \S{1,200} port \d+",
    ),
    _sign(
        Category.INFRASTRUCTURE,
        0.8,
        "a tool that broke by itself",
        r"internal compiler error|compiler unexpectedly panicked|signal: (?:4|6|7|11), sig|broken pipe \(os error",
        r"a fatal error has been detected by the java runtime|bad object [0-9a-f]{8,64}\b|index\.lock': file exists",
        r"vm crash or system\.exit called\?|the forked vm terminated without",
        r"segmentation fault.{0,40}(?:rustc|cc1|clang)",
    ),
    # What the sandbox would have seen from outside.
    _sign(
        Category.OUT_OF_MEMORY,
        0.9,
        "words about memory",
        r"\bout of memory\b|outofmemoryerror|cannot allocate memory|oom-?kill|^memoryerror|\bstd::bad_alloc\b",
        r"signal: 9, sigkill|signal 9 \(killed\)|^killed$|: killed signal terminated program|fatal error: killed",
    ),
    _sign(
        Category.TIMEOUT,
        0.85,
        "words about time",
        r"exceeded the (?:maximum )?(?:execution )?time",
        r"no output has been received in the last|execution took longer than",
        r"(?:has|have) timed out after \d|\btimed out after \d+ ?(?:s|m|min)|^\W{0,9}tests? timed out\b|^timeout!? ",
        r"exited with 124\b|exit code 124\b|disconnected, because no message in \d|timeout: sending signal",
        r"the operation was canceled because .{0,60}timeout|test suite timed out|build timed out",
    ),
    _sign(
        Category.SECURITY_POLICY,
        0.85,
        "a permission or policy that said no",
        r"blocked by .{0,40}policy|egress (?:denied|refused)|resource not accessible by integration",
        r"remote: permission to \S{1,200} denied|remote: write access to repository not granted|pull access denied",
        r"could not read username for|bad credentials|authentication (?:failed|required)",
        r"(?:http )?40[13] (?:unauthorized|forbidden)",
        r"error: \d+ vulnerabilit|npm err! code e(?:401|403|needauth)|secret .{0,60}(?:not found|is not set|not set)",
        r"(?:secrets?|credentials) (?:detected|found) in|input required and not supplied: \S*(?:token|key|secret)",
    ),
    # The change, or what it asks for.
    _sign(
        Category.DEPENDENCY,
        0.9,
        "a package that cannot be resolved",
        r"could not find a version that satisfies|no matching distribution|resolutionimpossible|npm err! code eresolve",
        r"npm err! (?:code )?e?404|could not resolve dependencies for project|failed to select a version for",
        r"could not (?:find|transfer) artifact",
        r"could not resolve (?:all (?:files|dependencies)|[\w.-]{1,99}:[\w.-]{1,99}:)",
        r"go: .{0,200}(?:unknown rev|module .{0,99}no matching versions|missing go\.sum entry)|could not find gem",
        r"bundler could not find compatible versions|unable to resolve dependency|lock ?file .{0,40}out of date",
        r"requirements could not be resolved to an installable set|could not find compatible versions for",
        r"package required but not available|there is no package called",
        r"unable to locate package|no package .{0,60}available",
        r"unresolved dependency: |none of your spec sources contain|no matching package named",
        r"found conflicts for|package .{0,80} is not (?:in this registry|available for)",
    ),
    _sign(
        Category.DEPENDENCY,
        0.75,
        "a missing module",
        r"modulenotfounderror: no module named|importerror: no module named|cannot find module '[^./]",
        r"cannot load such file -- [a-z]|module not found: (?:error: )?can't resolve '[^./]|cannot find package \"",
    ),
    _sign(
        Category.LINT,
        0.88,
        "a linter's or formatter's findings",
        r"^\S+:\d+:\d+:? (?-i:[EFWCNBDIRUS]{1,3}\d{3,4})\b|^would reformat |files? would be reformatted",
        r"\d+ problems? \(\d+ err|code style issues|\brubocop\b|^found \d+ errors? in \d+ files? \(checked",
        r"golangci-lint|gometalinter|checkstyle.{0,80}(?:error|violation)|trailing whitespace|line longer than \d",
        r"\bMD\d{3}(?:/[a-z-]{3,60})?\b|\bTLDR\d{3}\b|unexpected missing newline at end of file|found setting '",
        r"(?:npm|yarn|pnpm)(?: run)? \S{0,20}lint\S{0,30}",
        r"\"\S{0,20}lint\S{0,30}\" exited with|\blint(?:ing)? (?:failed|errors?)\b",
        r"\bpylint\b.{0,80}rated|\beslint\b|\bstylelint\b|\btslint\b",
        r"\bclippy::|\bphpcs\b|severity: \d\)|diff in \S+ at line \d",
    ),
    _sign(
        Category.BUILD,
        0.92,
        "a syntax error",
        r"^(?:e\s+)?\s*(?:syntaxerror|indentationerror|taberror)\b|\bparse error(?: on line|:)|: syntax error[,:]",
        r"csssyntaxerror|invalid css after|inconsistent indentation: |illegal nesting: |unexpected token [^;]{0,60}$",
    ),
    _sign(
        Category.BUILD,
        0.86,
        "a compiler that objects",
        r"^\S+?:\d+(?::\d+)?: (?:fatal )?error\b|error ts\d+: |^error(?:\[e\d+\])?: .*\n\s*-->|compilation error",
        r"undefined reference to|cannot find symbol|^\./?\S+\.go:\d+:\d+: |importerror: cannot import name",
        r"\.(?:swift|scala|kt|cs|java|hs)\S{0,12}:\d+.{0,12}(?:error|expected)|variable not in scope|error cs\d{4}\b",
        r"fatal error: call to undefined|undefined variable: |^\W{0,9}\S{1,200}\.erl:\d+: (?!warning)",
        r"❌ {1,3}(?:error:|\S{1,200}:\d+:\d+:)|expected but .{1,40} found\b",
        r"ineligible destinations|unable to find a destination matching",
    ),
    _sign(
        Category.BUILD,
        0.7,
        "a build tool that failed",
        r"error: could not compile|linking with `[^`\s]{1,200}` failed",
        r"^make(?:\[\d+\])?: \*\*\* .* error|compilation failed|build failed|ninja: build stopped|failed to compile",
        r"error building (?:site|image|stage)|installation failed",
        r"latex failed to resolve|error: command .{0,80}failed with exit",
    ),
    _sign(
        Category.CONFIGURATION,
        0.8,
        "a command, option or file that is not there",
        r"(?:sh|bash|zsh|job_stages|line \d+): .{0,99}: (?:command )?not found$",
        r"unrecognized arguments|unknown (?:option|command)",
        r"no rule to make target|npm err! missing script|missing script:|can't open file '|could not open requirements",
        r"permission denied$|invalid choice:|no tests (?:ran|found)",
        r"no (?:rakefile|makefile|package\.json|gemfile) found",
        r"is (?:currently )?not installed|executable file not found in|invalid reference format|invalid workflow file",
        r"remote branch \S{1,200} not found|could not find remote branch|^\S{0,200}: no such file or directory$",
        r"(?:grep|sed|cat|cp|mv|cd|ls|source|line \d+): \S{1,200}: no such file or directory",
        r"yaml(?:\.|: )(?:scanner|parser|line)|mapping values are not allowed|did not find expected (?:key|node)",
    ),
    _sign(
        Category.TEST,
        0.8,
        "a test runner's report",
        r"^\W{0,9}assertionerror|tests run: \d+, failures: [1-9]|\b[1-9]\d* (?:tests? )?(?:failed|failures?|failing)\b",
        r"^--- fail|^fail\b|there (?:was|were) \d+ (?:failure|error)|test result: failed|\bassertion failed\b",
        r"_suite:\w{1,99} failed on line \d|(?:address|leak|thread|undefinedbehavior)sanitizer: |\btests? failed\b",
        r"running the tests in .{0,80} failed|\d+ of \d+ test tasks failed|tests unsuccessful|some tests failed",
        r"^npm err! test failed|testthat|\b[1-9]\d* errors?, listed below|module failed: |^test failed: |\bFAILED$",
    ),
)
