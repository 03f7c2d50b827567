"""Fold and unfold: every property, against every oracle that is installed."""

FAMILY = "fold"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
