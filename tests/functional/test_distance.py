"""Distances: every property, against every oracle that is installed."""

import numpy as np

import scratchnet.functional as F

FAMILY = "distance"


def test_it_holds_that(entry, plan, verify):
    verify(entry, plan)


def test_the_distance_of_two_numbers_gives_arrays_without_axes():
    y, pullback = F.pairwise_distance(np.array(0.5), np.array(2.0))
    assert [type(a) for a in (y, *pullback(np.array(1.5)))] == [np.ndarray] * 3
