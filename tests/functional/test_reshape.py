"""What only moves elements: every property, against every oracle that is installed."""

FAMILY = "reshape"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
