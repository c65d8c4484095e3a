from fractions import Fraction

import pytest

from kitchen import amounts


@pytest.mark.parametrize(
    ("text", "amount"),
    [("2", 2), ("1/2", Fraction(1, 2)), ("1 1/2", Fraction(3, 2)), ("1½", Fraction(3, 2)), ("0.25", Fraction(1, 4))],
)
def test_amounts_as_people_write_them(text, amount):
    assert amounts.parse(text) == amount


@pytest.mark.parametrize("text", ["", "some", "1 2", "1/0", "0", "-1", "1 1/2 1/2"])
def test_what_is_no_amount(text):
    with pytest.raises(ValueError, match="amount"):
        amounts.parse(text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(Fraction(3, 2), "1 1/2"), (Fraction(2), "2"), (Fraction(1, 3), "3/8"), (Fraction(1, 100), "1/8")],
)
def test_amounts_are_shown_in_eighths(amount, text):
    assert amounts.show(amount) == text


def test_half_an_egg_is_an_egg():
    assert amounts.whole(Fraction(5, 2)) == 3
