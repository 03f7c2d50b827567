"""The mathematics: every function returns its value and its pullback.

Names and arguments are those of ``torch.nn.functional``, except that the first argument is called ``x``.

>>> import numpy as np
>>> import scratchnet.functional as F
>>> y, pullback = F.relu(np.array([-1.0, 2.0]))
>>> pullback(np.ones(2))[0].tolist()
[0.0, 1.0]

``pullback(dy, needs_input_grad)`` maps the cotangent of the value to one slot for each array argument, in the
order of the signature: None where the argument was not given, has no derivative or was not asked for. It is a
pure function of the call's arguments and result, which it keeps: do not write to those before you have
called it.
"""

from ._activation import log_softmax as log_softmax
from ._activation import relu as relu
from ._activation import sigmoid as sigmoid
from ._activation import softmax as softmax
from ._activation import softmin as softmin
from ._activation import tanh as tanh
from ._activation_gated import gelu as gelu
from ._activation_gated import glu as glu
from ._activation_gated import mish as mish
from ._activation_gated import silu as silu
from ._activation_piecewise import hardshrink as hardshrink
from ._activation_piecewise import hardsigmoid as hardsigmoid
from ._activation_piecewise import hardswish as hardswish
from ._activation_piecewise import hardtanh as hardtanh
from ._activation_piecewise import leaky_relu as leaky_relu
from ._activation_piecewise import prelu as prelu
from ._activation_piecewise import relu6 as relu6
from ._activation_piecewise import rrelu as rrelu
from ._activation_piecewise import softshrink as softshrink
from ._activation_piecewise import threshold as threshold
from ._activation_smooth import celu as celu
from ._activation_smooth import elu as elu
from ._activation_smooth import logsigmoid as logsigmoid
from ._activation_smooth import selu as selu
from ._activation_smooth import softplus as softplus
from ._activation_smooth import softsign as softsign
from ._activation_smooth import tanhshrink as tanhshrink
from ._adaptive_pool import adaptive_avg_pool1d as adaptive_avg_pool1d
from ._adaptive_pool import adaptive_avg_pool2d as adaptive_avg_pool2d
from ._adaptive_pool import adaptive_avg_pool3d as adaptive_avg_pool3d
from ._adaptive_pool import adaptive_max_pool1d as adaptive_max_pool1d
from ._adaptive_pool import adaptive_max_pool2d as adaptive_max_pool2d
from ._adaptive_pool import adaptive_max_pool3d as adaptive_max_pool3d
from ._conv import conv1d as conv1d
from ._conv import conv2d as conv2d
from ._conv import conv3d as conv3d
from ._conv_transpose import conv_transpose1d as conv_transpose1d
from ._conv_transpose import conv_transpose2d as conv_transpose2d
from ._conv_transpose import conv_transpose3d as conv_transpose3d
from ._ctc import ctc_loss as ctc_loss
from ._distance import cosine_similarity as cosine_similarity
from ._distance import pairwise_distance as pairwise_distance
from ._dropout import alpha_dropout as alpha_dropout
from ._dropout import dropout as dropout
from ._dropout import dropout1d as dropout1d
from ._dropout import dropout2d as dropout2d
from ._dropout import dropout3d as dropout3d
from ._dropout import feature_alpha_dropout as feature_alpha_dropout
from ._embedding import embedding as embedding
from ._embedding import embedding_bag as embedding_bag
from ._fold import fold as fold
from ._fold import unfold as unfold
from ._fractional_pool import fractional_max_pool2d as fractional_max_pool2d
from ._fractional_pool import fractional_max_pool3d as fractional_max_pool3d
from ._grid import affine_grid as affine_grid
from ._grid import grid_sample as grid_sample
from ._interpolate import interpolate as interpolate
from ._linear import bilinear as bilinear
from ._linear import linear as linear
from ._loss import cross_entropy as cross_entropy
from ._loss import nll_loss as nll_loss
from ._loss_likelihood import binary_cross_entropy as binary_cross_entropy
from ._loss_likelihood import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from ._loss_likelihood import gaussian_nll_loss as gaussian_nll_loss
from ._loss_likelihood import kl_div as kl_div
from ._loss_likelihood import poisson_nll_loss as poisson_nll_loss
from ._loss_margin import cosine_embedding_loss as cosine_embedding_loss
from ._loss_margin import hinge_embedding_loss as hinge_embedding_loss
from ._loss_margin import margin_ranking_loss as margin_ranking_loss
from ._loss_margin import multi_margin_loss as multi_margin_loss
from ._loss_margin import multilabel_margin_loss as multilabel_margin_loss
from ._loss_margin import multilabel_soft_margin_loss as multilabel_soft_margin_loss
from ._loss_margin import soft_margin_loss as soft_margin_loss
from ._loss_regression import huber_loss as huber_loss
from ._loss_regression import l1_loss as l1_loss
from ._loss_regression import mse_loss as mse_loss
from ._loss_regression import smooth_l1_loss as smooth_l1_loss
from ._loss_triplet import triplet_margin_loss as triplet_margin_loss
from ._loss_triplet import triplet_margin_with_distance_loss as triplet_margin_with_distance_loss
from ._lp_pool import lp_pool1d as lp_pool1d
from ._lp_pool import lp_pool2d as lp_pool2d
from ._lp_pool import lp_pool3d as lp_pool3d
from ._normalization import batch_norm as batch_norm
from ._normalization import group_norm as group_norm
from ._normalization import instance_norm as instance_norm
from ._normalization import layer_norm as layer_norm
from ._normalization import local_response_norm as local_response_norm
from ._normalization import rms_norm as rms_norm
from ._pad import pad as pad
from ._pool import avg_pool1d as avg_pool1d
from ._pool import avg_pool2d as avg_pool2d
from ._pool import avg_pool3d as avg_pool3d
from ._pool import max_pool1d as max_pool1d
from ._pool import max_pool2d as max_pool2d
from ._pool import max_pool3d as max_pool3d
from ._reshape import flatten as flatten
from ._reshape import unflatten as unflatten
from ._shuffle import channel_shuffle as channel_shuffle
from ._shuffle import pixel_shuffle as pixel_shuffle
from ._shuffle import pixel_unshuffle as pixel_unshuffle
from ._unpool import max_unpool1d as max_unpool1d
from ._unpool import max_unpool2d as max_unpool2d
from ._unpool import max_unpool3d as max_unpool3d
