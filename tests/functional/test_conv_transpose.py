"""Transposed convolutions: every property, against every oracle that is installed."""

FAMILY = "conv_transpose"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
