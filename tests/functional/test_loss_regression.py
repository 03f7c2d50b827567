"""Losses of the error of a prediction: every property, against every oracle that is installed."""

FAMILY = "loss_regression"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
