"""A Python file's text to its `Facts`. The text may be hostile: it is parsed, never run, and never makes this fail.

What the running Python cannot parse (Python 2, templates, a syntax error) is looked at word by word: then every word
counts as used by the file's body, so that more is selected rather than less.
"""

from __future__ import annotations

import ast
import hashlib
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import Final

from actors.planner.python.facts import BODY, MAIN, STAR, Facts, Import

MAX_BYTES: Final = 2_000_000
MAX_MENTION_CHARS: Final = 300

_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_IMPORTERS: Final = frozenset({
    "import_module", "__import__", "load_source", "load_module", "find_spec", "iter_modules", "walk_packages",
    "iter_entry_points", "entry_points", "spec_from_file_location", "SourceFileLoader", "run_path", "run_module",
    "import_string", "import_from_string", "__subclasses__",
})  # fmt: skip
_RUNNING: Final = frozenset({"eval", "exec"})
_LISTING: Final = frozenset({"globals", "vars", "locals"})
_CHANGES: Final = frozenset({"append", "add", "insert", "extend", "setdefault", "update", "register", "appendleft"})
_MENTION: Final = re.compile(r"[\w.\-/\\{}%'= *?\[\]]+")
_WORDS: Final = re.compile(r"[A-Za-z_][\w.]*")
_IMPORT_LINE: Final = re.compile(
    r"^[ \t]*(?:from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]*(\([^()]*|(?<=[ \t]).+)|import[ \t]+(.+))", re.MULTILINE
)
_COMMENT: Final = re.compile(r"#.*")
_NAMED: Final = re.compile(r"[\w./\-]+")
# What makes a value that registers nothing, however it is used.
_INERT: Final = frozenset({
    "namedtuple", "NamedTuple", "TypeVar", "NewType", "ParamSpec", "partial", "lru_cache", "cache", "skipif", "skip",
    "parametrize", "usefixtures", "xfail", "getLogger", "wraps",
})  # fmt: skip
_MAKES: Final = frozenset({"__init__", "__new__", "__call__"})
_ALIASED: Final = re.compile(r"([\w.*]+)(?:\s+as\s+(\w+))?")


def scan(source: bytes) -> Facts:
    """The facts of one file."""
    facts, _ = _scanned(source, with_digests=False)
    return facts


def scan_with_digests(source: bytes) -> tuple[Facts, dict[str, str]]:
    """The facts, and a digest of each symbol that says whether two versions of it do the same.

    Comments and layout are not in it. An imported name is a symbol too. Of a file that does not parse there is one
    digest, of its body.
    """
    return _scanned(source, with_digests=True)


def _scanned(source: bytes, *, with_digests: bool) -> tuple[Facts, dict[str, str]]:
    if len(source) <= MAX_BYTES:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a file's invalid escapes are its own affair
                tree = ast.parse(source)
            reader = _Reader(source, with_digests=with_digests)
            return reader.read(tree), reader.digests()
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            pass  # what cannot be parsed is read as words
    digests = {BODY: hashlib.sha256(source).hexdigest()} if with_digests else {}
    return _as_words(source[:MAX_BYTES].decode("utf-8", "replace")), digests


class _Reader:
    """Collects the facts of one tree."""

    def __init__(self, source: bytes, *, with_digests: bool) -> None:
        self._facts = Facts(doctests=b">>> " in source)
        self._pytest = b"pytest" in source or b"def test" in source
        self._with_digests = with_digests
        self._parts: dict[str, list[str]] = {}
        self._uses: dict[str, dict[str, None]] = {}
        self._fixture_names: set[str] = set()

    def read(self, tree: ast.Module) -> Facts:
        """All statements."""
        body = tree.body
        if body and (doc := _docstring(body[0])) is not None:
            self._define("__doc__", 1)
            self._part("__doc__", doc)
            body = body[1:]
        self._statements(body)
        self._facts.uses = {symbol: [*uses] for symbol, uses in self._uses.items()}
        return self._facts

    def digests(self) -> dict[str, str]:
        """By symbol."""
        return {
            symbol: hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
            for symbol, parts in self._parts.items()
        }

    def _statements(self, body: Iterable[ast.stmt]) -> None:
        for statement in body:
            if isinstance(statement, _FUNCTIONS):
                self._function(statement)
            elif isinstance(statement, ast.ClassDef):
                self._class(statement)
            elif isinstance(statement, ast.Import | ast.ImportFrom):
                self._import(statement, BODY)
            elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
                self._assignment(statement)
            elif isinstance(statement, ast.If | ast.Try | ast.With):
                self._compound(statement)
            else:
                self._walk(statement, BODY)
                self._part(BODY, statement)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._define(node.name, node.lineno)
        self._part(node.name, node)
        self._walk(node, node.name)
        self._definition(node)
        for default in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            if _calls(default):
                self._walk(default, BODY)
        if _changes_module(node):
            self._facts.registers.append(node.name)
        if node.name.startswith("pytest_"):
            self._facts.always.append(node.name)

    def _class(self, node: ast.ClassDef) -> None:
        self._define(node.name, node.lineno)
        self._part(node.name, node)
        self._walk(node, node.name)
        self._definition(node)
        bases = [_chain(base.value if isinstance(base, ast.Subscript) else base) or "?" for base in node.bases]
        if bases:
            self._facts.bases[node.name] = bases
        methods = {each.name for each in node.body if isinstance(each, _FUNCTIONS)}
        making = [each for each in node.body if isinstance(each, _FUNCTIONS) and each.name in _MAKES]
        keeps = any(_changes_module(each, without_arguments=True) for each in making)  # it may be a decorator
        if node.keywords or methods & {"__init_subclass__", "__set_name__"} or "type" in bases or keeps:
            self._facts.registers.append(node.name)
        for statement in node.body:
            if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
                for decorator in statement.decorator_list:
                    self._walk(decorator, BODY)
            elif _calls(statement):
                self._walk(statement, BODY)

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        chains = []
        for decorator in node.decorator_list:
            self._walk(decorator, BODY)  # it is called when the file is imported
            chain = _chain(decorator.func if isinstance(decorator, ast.Call) else decorator)
            if chain.endswith("fixture") or chain in self._fixture_names:
                self._fixture(node.name, decorator)
            elif chain:
                chains.append(chain)
        if chains:
            self._facts.decorated.setdefault(node.name, []).extend(chains)

    def _fixture(self, name: str, decorator: ast.expr) -> None:
        asked_as = name
        for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
            if (
                keyword.arg == "name"
                and isinstance(keyword.value, ast.Constant)
                and isinstance(keyword.value.value, str)
            ):
                asked_as = keyword.value.value
            if keyword.arg == "autouse":
                self._facts.always.append(name)
        self._facts.fixtures[asked_as] = name

    def _assignment(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [each.id for target in targets for each in _elements(target) if isinstance(each, ast.Name)]
        plain = len(names) == sum(1 for target in targets for _ in _elements(target))
        for name in names:
            self._define(name, node.lineno)
            self._part(name, node)
            self._walk(node, name)
        if isinstance(node.value, ast.Call) and _chain(node.value.func).rpartition(".")[2] not in _INERT:
            self._facts.registers.extend(names)  # an object: as a decorator or a base it may keep what it is given
        if not plain or _calls(node):
            self._walk(node, BODY)
            self._part(BODY, node)

    def _compound(self, node: ast.If | ast.Try | ast.With) -> None:
        """What stands in it is as much at the top level as the rest; what it asks runs at import."""
        if isinstance(node, ast.If):
            if _is_main(node.test):
                self._define(MAIN, node.lineno)
                for statement in node.body:
                    self._walk(statement, MAIN)
                    self._part(MAIN, statement)
                self._statements(node.orelse)
                return
            self._walk(node.test, BODY)
            self._part(BODY, node.test)
            self._statements([*node.body, *node.orelse])
        elif isinstance(node, ast.With):
            for item in node.items:
                self._walk(item, BODY)
                self._part(BODY, item)
            self._statements(node.body)
        else:
            self._statements(node.body)
            for handler in node.handlers:
                if handler.type is not None:
                    self._walk(handler.type, BODY)
                    self._part(BODY, handler.type)
                self._statements(handler.body)
            self._statements([*node.orelse, *node.finalbody])

    def _import(self, node: ast.Import | ast.ImportFrom, symbol: str) -> None:
        for alias in node.names:
            if isinstance(node, ast.Import):
                bound = alias.asname or alias.name.partition(".")[0]
                found = Import(node.lineno, bound, alias.name, "", 0, symbol)
            else:
                found = Import(
                    node.lineno, alias.asname or alias.name, node.module or "", alias.name, node.level, symbol
                )
            self._facts.imports.append(found)
            if found.name == "fixture":
                self._fixture_names.add(found.bound)
            if symbol == BODY:
                self._part(found.bound, f"import {found.module} {found.name} {found.level}")

    def _walk(self, root: ast.AST, symbol: str) -> None:
        """Everything below `root` belongs to `symbol`. Iterative: an expression may be nested deeply."""
        uses = self._uses.setdefault(symbol, {})
        waiting: list[ast.AST] = [root]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                continue
            if isinstance(node, ast.Attribute | ast.Name):
                chain = _chain(node)
                if chain:
                    uses[chain] = None
                    self._reflection(chain, symbol, uses)
                    continue
            elif isinstance(node, ast.Constant):
                if isinstance(node.value, str):
                    self._mention(node.value, symbol)
                continue
            elif isinstance(node, ast.Import | ast.ImportFrom):
                self._import(node, symbol)
                continue
            elif isinstance(node, ast.Call):
                self._call(node, symbol)
            elif isinstance(node, _FUNCTIONS) and self._pytest:
                uses.update((f"@{arg.arg}", None) for arg in _arguments(node.args))
            waiting.extend(ast.iter_child_nodes(node))

    def _reflection(self, chain: str, symbol: str, uses: dict[str, None]) -> None:
        if chain in _RUNNING or (chain in _LISTING and symbol != BODY):
            uses[STAR] = None  # a body that lists its names at import runs none of them
        elif chain.endswith("__subclasses__"):
            self._facts.dynamic.setdefault(symbol, []).append("")

    def _call(self, node: ast.Call, symbol: str) -> None:
        callee = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if callee in _IMPORTERS:
            self._relative(node, symbol)
            beginning = _beginning(node.args[0]) if node.args else ""
            if beginning is not None:
                self._facts.dynamic.setdefault(symbol, []).append(beginning)
        elif callee == "getattr" and node.args and (chain := _chain(node.args[0])):
            self._uses[symbol][chain] = None

    def _relative(self, node: ast.Call, symbol: str) -> None:
        """`import_module(".name", package)`: as if it were imported so, and all of it used."""
        texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        if not texts or not texts[0].startswith(".") or not (name := texts[0].lstrip(".")):
            return
        if len(texts) > 1:
            self._mention(f"{texts[1]}.{name}", symbol)
            return
        module, _, last = name.rpartition(".")
        level = len(texts[0]) - len(name)
        self._facts.imports.append(Import(node.lineno, texts[0], module, last, level, symbol))
        self._uses[symbol][texts[0]] = None

    def _mention(self, text: str, symbol: str) -> None:
        # A word alone may name a folder or a program; outside of tests nearly all are something else.
        told = self._pytest or "." in text or "/" in text
        if told and 2 < len(text) <= MAX_MENTION_CHARS and _MENTION.fullmatch(text):
            known = self._facts.mentions.setdefault(symbol, [])
            if text not in known[-20:]:
                known.append(text)
            if self._pytest and text.isidentifier():
                self._uses[symbol][f"@{text}"] = None  # usefixtures("name"), request.getfixturevalue("name")

    def _define(self, name: str, line: int) -> None:
        self._facts.lines.setdefault(name, line)
        self._uses.setdefault(name, {})

    def _part(self, symbol: str, node: ast.AST | str) -> None:
        if self._with_digests:
            self._parts.setdefault(symbol, []).append(node if isinstance(node, str) else ast.dump(node))


def _tells(word: str) -> bool:
    return "." in word.strip(".") or "/" in word


def _chain(node: ast.AST) -> str:
    """`a.b.c` of an attribute of a name; nothing for what does not begin with a name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    names.append(node.id)
    return ".".join(reversed(names))


def _docstring(node: ast.stmt) -> str | None:
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return ast.dump(node) if is_text else None


def _calls(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Call | ast.Await) for each in ast.walk(node))


def _elements(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        for each in target.elts:
            yield from _elements(each)
    else:
        yield target


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from arguments.posonlyargs
    yield from arguments.args
    yield from arguments.kwonlyargs


def _changes_module(function: ast.AST, *, without_arguments: bool = False) -> bool:
    """Whether it changes something that is not its own: as a decorator, it may register what it is given."""
    own = {each.id for each in ast.walk(function) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    if without_arguments:
        own |= {each.arg for each in ast.walk(function) if isinstance(each, ast.arg)}
    for node in ast.walk(function):
        if isinstance(node, ast.Global):
            return True
        changed: ast.AST | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGES:
            changed = node.func.value
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            changed = node.value
        if changed is not None and (root := _chain(changed).partition(".")[0]) and root not in own:
            return True
    return False


def _beginning(name: ast.expr) -> str | None:
    """What is known of a computed module name; None where it is a constant, which is a mention."""
    if isinstance(name, ast.Constant):
        return None
    first: ast.expr = name
    if isinstance(name, ast.JoinedStr) and name.values:
        first = name.values[0]
    elif isinstance(name, ast.BinOp):
        first = name.left
    elif isinstance(name, ast.Call) and isinstance(name.func, ast.Attribute):
        first = name.func.value  # "pkg.{}".format(…)
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        return re.split(r"[%{]", first.value)[0]
    return ""


def _as_words(text: str) -> Facts:
    facts = Facts(parsed=False, doctests=">>> " in text)
    told = _COMMENT.sub("", text).replace("\\\n", " \f").replace("\\\r\n", " \f")
    line, counted = 1, 0
    for found in _IMPORT_LINE.finditer(told):
        line += told.count("\n", counted, found.start()) + told.count("\f", counted, found.start())
        counted = found.start()
        dots, module, names, modules = found.groups()
        for name, alias in _ALIASED.findall(names or modules):
            if modules:
                facts.imports.append(Import(line, alias or name.partition(".")[0], name, "", 0, BODY))
            else:
                facts.imports.append(Import(line, alias or name, module, name, len(dots), BODY))
    if "import_module" in text or "__import__" in text:
        facts.dynamic[BODY] = [""]
    facts.mentions[BODY] = [
        *dict.fromkeys(each for each in _NAMED.findall(text) if len(each) <= MAX_MENTION_CHARS and _tells(each))
    ]
    facts.uses[BODY] = [*dict.fromkeys(_WORDS.findall(text))]
    facts.lines = dict.fromkeys(re.findall(r"^(?:async +)?(?:def|class)\s+(\w+)", text, re.MULTILINE), 1)
    facts.always = [name for name in facts.lines if name.startswith("pytest_")]
    return facts
