from fractions import Fraction
from pathlib import Path

import pytest

from kitchen import recipe
from kitchen.__main__ import main

PANCAKES = Path(__file__).parent.parent / "docs" / "pancakes.txt"


@pytest.fixture
def pancakes():
    return recipe.parse(PANCAKES.read_text(encoding="utf-8"))


def test_a_recipe_is_read(pancakes):
    assert (pancakes.title, pancakes.servings, pancakes.oven) == ("Pancakes", 4, 400)
    assert pancakes.ingredients[0] == recipe.Ingredient(Fraction(3, 2), "cup", "flour")
    assert pancakes.ingredients[2] == recipe.Ingredient(Fraction(2), "", "eggs")


def test_twice_the_people_eat_twice_the_flour(pancakes):
    assert pancakes.scaled(8).ingredients[0].amount == 3


def test_scaling_back_loses_nothing(pancakes):
    assert pancakes.scaled(7).scaled(4) == pancakes


def test_eggs_stay_whole(pancakes):
    assert str(pancakes.scaled(5).ingredients[2]).split() == ["3", "eggs"]


def test_nobody_eats(pancakes):
    with pytest.raises(ValueError, match="somebody"):
        pancakes.scaled(0)


def test_a_line_that_is_not_understood_is_named():
    with pytest.raises(ValueError, match="line 3: does not begin with an amount"):
        recipe.parse("Soup\nserves 2\nsome water\n")


def test_so_much_of_what():
    with pytest.raises(ValueError, match="so much of what"):
        recipe.ingredient("2 cup")


def test_the_command_prints_the_recipe(capsys):
    assert main([str(PANCAKES), "--servings", "6"]) == 0
    assert "2 1/4 cup  flour" in capsys.readouterr().out


def test_the_command_says_what_is_wrong(tmp_path, capsys):
    assert main([str(tmp_path / "none.txt"), "--servings", "6"]) == 2
    assert "kitchen: " in capsys.readouterr().err
