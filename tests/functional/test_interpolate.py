"""Resampling: every property, against every oracle that is installed."""

import pytest

from scratchnet.functional import _interpolate as body

FAMILY = "interpolate"


@pytest.fixture(autouse=True)
def _no_taps_of_another_test():
    body._kept_taps.cache_clear()


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)
