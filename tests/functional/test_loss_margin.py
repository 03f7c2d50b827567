"""Losses that ask for a margin: every property, against every oracle that is installed."""

FAMILY = "loss_margin"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
