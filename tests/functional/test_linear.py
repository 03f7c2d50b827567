"""The linear map: every property, against every oracle that is installed."""

FAMILY = "linear"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
