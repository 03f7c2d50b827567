"""Dropout: every property, against every oracle that is installed."""

FAMILY = "dropout"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
