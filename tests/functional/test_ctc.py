"""Connectionist temporal classification: every property, against every oracle that is installed."""

FAMILY = "ctc"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
