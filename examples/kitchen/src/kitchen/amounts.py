"""Amounts as people write them in recipes: `2`, `1/2`, `1 1/2`, `1½`, `0.25`."""

import math
from fractions import Fraction

GLYPHS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅛": "1/8"}


def parse(text: str) -> Fraction:
    """The exact amount. Raises ValueError for anything that is not one, and for zero and less."""
    for glyph, plain in GLYPHS.items():
        text = text.replace(glyph, f" {plain}")
    parts = text.split()
    if not 1 <= len(parts) <= 2 or (len(parts) == 2 and "/" not in parts[1]):
        raise ValueError(f"not an amount: {text!r}")
    try:
        amount = sum((Fraction(part) for part in parts), Fraction(0))
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"not an amount: {text!r}") from None
    if amount <= 0:
        raise ValueError(f"an amount must be more than nothing: {text!r}")
    return amount


def show(amount: Fraction) -> str:
    """Rounded to the nearest eighth, and never to nothing."""
    eighths = max(1, math.floor(amount * 8 + Fraction(1, 2)))
    whole, rest = divmod(eighths, 8)
    fraction = str(Fraction(rest, 8)) if rest else ""
    return " ".join(part for part in (str(whole) if whole else "", fraction) if part)


def whole(amount: Fraction) -> int:
    """For what cannot be halved, like an egg: rounded up."""
    return math.ceil(amount)
