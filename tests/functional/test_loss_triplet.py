"""Losses of triplets: every property, against every oracle that is installed."""

FAMILY = "loss_triplet"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
