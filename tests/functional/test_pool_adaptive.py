"""Adaptive and fractional poolings, those of norms, unpooling: every property, against every oracle."""

FAMILY = "pool_adaptive"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
