"""The images that sandboxes start from: recipes as data, and the two ways to make one. No container is started here."""
