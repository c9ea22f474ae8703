"""How days and times are shown, by language."""
