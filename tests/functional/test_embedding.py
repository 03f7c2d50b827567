"""Tables of vectors: every property, against every oracle that is installed."""

FAMILY = "embedding"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
