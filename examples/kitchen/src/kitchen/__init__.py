"""Scale recipes and convert kitchen measures, with exact fractions."""
