"""Resampling: every property, against every oracle that is installed."""

FAMILY = "interpolate"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
