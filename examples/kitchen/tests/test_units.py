from fractions import Fraction

import pytest

from kitchen import units


def test_a_cup_is_sixteen_tablespoons():
    assert units.convert(Fraction(1), "cup", "tbsp") == 16


def test_a_tablespoon_is_three_teaspoons():
    assert units.convert(Fraction(1), "tbsp", "tsp") == 3


def test_a_pound_is_sixteen_ounces():
    assert units.convert(Fraction(1), "lb", "oz") == 16


def test_there_and_back_again_is_exact():
    assert units.convert(units.convert(Fraction(2, 3), "cup", "ml"), "ml", "cup") == Fraction(2, 3)


def test_flour_cannot_be_poured_onto_a_scale():
    with pytest.raises(ValueError, match="cannot turn cup into g"):
        units.convert(Fraction(1), "cup", "g")


def test_an_oven_at_350_fahrenheit_is_set_to_180_celsius():
    assert units.celsius(350) == 180
