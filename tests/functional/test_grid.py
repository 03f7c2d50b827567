"""Sampling at the places of a grid: every property, against every oracle that is installed."""

FAMILY = "grid"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
