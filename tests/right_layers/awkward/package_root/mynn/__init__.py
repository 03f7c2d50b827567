"""A package met by its root: its files import each other as `mynn.x`."""
