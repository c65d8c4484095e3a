"""Kitchen measures. Volumes are US customary: a cup is 16 tablespoons, a tablespoon is 3 teaspoons."""

from fractions import Fraction

# Millilitres in one of each, exact by definition (a US fluid ounce is 29.5735295625 ml).
ML = {
    "ml": Fraction(1),
    "l": Fraction(1000),
    "tsp": Fraction("4.92892159375"),
    "tbsp": Fraction("14.78676478125"),
    "cup": Fraction("236.5882365"),
}
# Grams in one of each, exact by definition (the international pound).
GRAMS = {"g": Fraction(1), "kg": Fraction(1000), "oz": Fraction("28.349523125"), "lb": Fraction("453.59237")}

KINDS = (ML, GRAMS)
NAMES = frozenset(ML) | frozenset(GRAMS)


def convert(amount: Fraction, unit: str, to: str) -> Fraction:
    """The amount in another unit of the same kind. Raises ValueError when there is no way from one to the other."""
    for kind in KINDS:
        if unit in kind and to in kind:
            return amount * kind[unit] / kind[to]
    raise ValueError(f"cannot turn {unit} into {to}")


def celsius(fahrenheit: int) -> int:
    """An oven's setting, rounded to the nearest ten degrees, as ovens are marked."""
    exact = Fraction(fahrenheit - 32) * 5 / 9
    return round(exact / 10) * 10
