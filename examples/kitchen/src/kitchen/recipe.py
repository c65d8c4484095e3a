"""A recipe: what it is called, for how many it is, and what goes in. Its text format is shown in docs/pancakes.txt."""

from dataclasses import dataclass, replace
from fractions import Fraction

from kitchen import amounts, units


@dataclass(frozen=True)
class Ingredient:
    """So much of something. Without a unit it is counted, and comes only whole."""

    amount: Fraction
    unit: str
    name: str

    def __str__(self) -> str:
        much = amounts.show(self.amount) if self.unit else str(amounts.whole(self.amount))
        return f"{f'{much} {self.unit}'.strip():<9}  {self.name}"


@dataclass(frozen=True)
class Recipe:
    """`oven` is in degrees Fahrenheit, None when there is nothing to bake."""

    title: str
    servings: int
    ingredients: tuple[Ingredient, ...]
    oven: int | None = None

    def scaled(self, servings: int) -> "Recipe":
        """The same recipe for another number of people. Raises ValueError when there is nobody to eat it."""
        if servings < 1:
            raise ValueError("a recipe needs somebody to eat it")
        factor = Fraction(servings, self.servings)
        more = tuple(replace(item, amount=item.amount * factor) for item in self.ingredients)
        return replace(self, servings=servings, ingredients=more)

    def __str__(self) -> str:
        lines = [f"{self.title}, for {self.servings}", *(f"  {item}" for item in self.ingredients)]
        if self.oven is not None:
            lines.append(f"  {f'{units.celsius(self.oven)} °C':<9}  oven, to keep them warm")
        return "\n".join(lines)


def parse(text: str) -> Recipe:
    """A recipe from its text. Raises ValueError naming the line that is not understood."""
    title, servings, oven = "", 0, None
    ingredients = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split()
        if not words:
            continue
        try:
            if not title:
                title = line.strip()
            elif words[0] == "serves":
                servings = int(words[1])
            elif words[0] == "oven":
                oven = int(words[1])
            else:
                ingredients.append(ingredient(line))
        except (ValueError, IndexError) as error:
            raise ValueError(f"line {number}: {error}") from None
    if not title or servings < 1 or not ingredients:
        raise ValueError("a recipe has a title, a line `serves N` and ingredients")
    return Recipe(title, servings, tuple(ingredients), oven)


def ingredient(line: str) -> Ingredient:
    """`1 1/2 cup flour`: the longest beginning that is an amount, perhaps a unit, and a name."""
    words = line.split()
    for taken in (2, 1):
        try:
            amount = amounts.parse(" ".join(words[:taken]))
        except ValueError:
            continue
        rest = words[taken:]
        unit = rest.pop(0) if rest and rest[0] in units.NAMES else ""
        if not rest:
            raise ValueError(f"so much of what? {line!r}")
        return Ingredient(amount, unit, " ".join(rest))
    raise ValueError(f"does not begin with an amount: {line!r}")
