"""The real service answers, through us."""
