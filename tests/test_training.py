"""Training helpers."""

import numpy as np

from scratchnet import nn
from scratchnet.training import accuracy


def test_accuracy_is_taken_in_evaluation_mode_and_leaves_the_network_as_it_was() -> None:
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.9), nn.Sequential(nn.Dropout(0.9)))
    net.children["1"].eval()
    x, before = np.eye(3, dtype=np.float32).repeat(50, 0), net.state_dict()
    assert accuracy(net, x, np.arange(3).repeat(50)) == 1.0
    assert all((net.state_dict()[key] == array).all() for key, array in before.items())
    assert [net.training, *(child.training for child in net.children.values())] == [True, True, False, True]
