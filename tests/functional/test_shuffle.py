"""Pixels and channels that are moved: every property, against every oracle that is installed."""

FAMILY = "shuffle"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
