"""Distances: every property, against every oracle that is installed."""

FAMILY = "distance"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
