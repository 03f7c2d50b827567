"""Losses that are likelihoods: every property, against every oracle that is installed."""

FAMILY = "loss_likelihood"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
