"""Padding: every property, against every oracle that is installed."""

FAMILY = "pad"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
