"""The ways in which a secret may be written in a log without anybody meaning to: what masking looks for. Pure.

A value is looked for as a whole and line by line. Encodings that programs differ about (which characters to escape,
upper or lower case digits) are listed with their variants. What is not listed is not masked: compression, encryption,
a value cut into pieces or turned round.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

from models.secret import LEAST_CHARS

# Characters that URL encoders leave as they are: Python and curl; paths; JavaScript's two functions.
_URL_SAFE = ("", "/", "!'()*", ";,/?:@&=+$!'()*#")
_BASE64_LINES = (64, 76)  # OpenSSL's and PEM's; MIME's and `base64`'s
_SHELL_SPECIAL = re.compile(r"([^A-Za-z0-9_@%+=:,./\n-])")
_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|%[0-9a-fA-F]{2}|&#x[0-9a-fA-F]{1,2};")


_QUOTES = (
    ("&quot;", "&#x27;"),
    ("&quot;", "&#39;"),
    ("&quot;", "&apos;"),
    ("&#34;", "&#39;"),
    ("&quot;", "'"),
    ('"', "'"),
)

# White space in an attribute: Python's saxutils and ElementTree, libxml2.
_IN_ATTRIBUTES = tuple(
    str.maketrans(references)
    for references in (
        {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"},
        {"\n": "&#10;", "\r": "&#13;", "\t": "&#09;"},
        {"\n": "&#10;", "\r": "&#13;"},
        {"\n": "&#10;"},
        {"\n": "&#xA;", "\r": "&#xD;", "\t": "&#x9;"},
    )
)


def spellings(value: str) -> frozenset[bytes]:
    """Everything to look for, as UTF-8. None is shorter than `LEAST_CHARS` bytes or begins with white space."""
    found: set[bytes] = set()
    for part in _parts(value):
        raw = part.encode()
        found.update(text.encode() for text in _texts(part))
        found.update(_base64(raw))
        found.add(raw.hex().encode())
        found.add(raw.hex().upper().encode())
    found.update(_wrapped_base64(value))
    stripped = (spelling.strip() for spelling in found)
    return frozenset(spelling for spelling in stripped if len(spelling) >= LEAST_CHARS)


def _parts(value: str) -> Iterator[str]:
    """The whole, and each line that is long enough not to be found everywhere."""
    whole = value.strip()
    lines = whole.replace("\r\n", "\n").split("\n")
    yield whole
    if len(lines) > 1:
        yield "\n".join(lines)
        yield "\r\n".join(lines)
        yield from (line.strip() for line in lines if len(line.strip()) >= LEAST_CHARS)


def _texts(part: str) -> Iterator[str]:
    yield part
    yield from _cases(_url(part))
    yield from _cases(_json(part))
    yield from _cases(_markup(part))
    yield from _shell(part)
    yield from _python(part)


def _cases(texts: Iterable[str]) -> Iterator[str]:
    """The digits of escapes in lower and in upper case."""
    for text in texts:
        yield _ESCAPE.sub(lambda found: found[0].lower(), text)
        yield _ESCAPE.sub(lambda found: re.sub(r"[a-f]", lambda digit: digit[0].upper(), found[0]), text)


def _url(part: str) -> Iterator[str]:
    for safe in _URL_SAFE:
        yield quote(part, safe=safe)
        yield quote_plus(part, safe=safe)
    yield "".join(f"%{byte:02X}" for byte in part.encode())


def _json(part: str) -> Iterator[str]:
    for ascii_only in (True, False):
        escaped = json.dumps(part, ensure_ascii=ascii_only)[1:-1]
        for inner in (escaped, escaped.replace("/", "\\/")):
            yield inner
            yield _unicode(inner, "<>&")  # Go
            yield _unicode(inner, "<>&'")  # in a page
            yield _unicode(inner, "<>&'+")  # .NET
    units = part.encode("utf-16-be").hex()
    yield "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _unicode(text: str, characters: str) -> str:
    return "".join(f"\\u{ord(char):04x}" if char in characters else char for char in text)


def _markup(part: str) -> Iterator[str]:
    """In XML and HTML: test reports."""
    for double, single in _QUOTES:
        escaped = html.escape(part, quote=False).replace('"', double).replace("'", single)
        yield escaped
        for references in _IN_ATTRIBUTES:
            yield escaped.translate(references)
        yield escaped.replace("&gt;", ">")


def _shell(part: str) -> Iterator[str]:
    r"""`'it'\''s'` (bash -x), `'it'"'"'s'` (Python), `it\'s` (printf %q), `"\$x"` (export -p), `$'a\nb'`."""
    yield part.replace("'", "'\\''")
    yield part.replace("'", "'\"'\"'")
    yield _SHELL_SPECIAL.sub(r"\\\1", part)
    yield re.sub(r'(["$`\\])', r"\\\1", part)
    yield part.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def _python(part: str) -> Iterator[str]:
    for escaped in (repr(part)[1:-1], ascii(part)[1:-1], repr(part.encode())[2:-1]):
        yield escaped
        yield escaped.replace("\\'", "'")
        yield re.sub(r"(?<!\\)'", "\\'", escaped)


def _base64(raw: bytes) -> Iterator[bytes]:
    """What is the same whatever stands before and behind it: of each of three offsets, the characters it decides."""
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw + b"\0\0")
        inner = encoded[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def _wrapped_base64(value: str) -> Iterator[bytes]:
    """The lines of one that is broken into lines, encoded by itself or with a line break at its end."""
    for text in {value, value.strip(), value.strip() + "\n"}:
        encoded = base64.b64encode(text.encode())
        for width in _BASE64_LINES:
            if len(encoded) > width:
                yield from (encoded[at : at + width] for at in range(0, len(encoded), width))
