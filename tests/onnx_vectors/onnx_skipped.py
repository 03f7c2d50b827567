"""What of the vectors is not run, and why. An entry that is not needed fails its test.

`AWAITED` are functions that scratchnet.functional does not have yet: their vectors run from the day they
arrive, when their names must go from here.
"""


def _names(text):
    return frozenset(text.split())


AWAITED = _names("""
    normalize scaled_dot_product_attention
""")

#: Vectors that the functions cannot be asked, by reason.
SKIPPED = {
    "a bias for each sample": _names("""
        test_gemm_default_matrix_bias
    """),
    "a fold of three sides": _names("""
        test_col2im_5d
    """),
    "a lower bound above the upper one": _names("""
        test_clip_min_greater_than_max
    """),
    "a mask that another generator draws": _names("""
        test_training_dropout_default
        test_training_dropout_default_mask
        test_training_dropout
        test_training_dropout_mask
    """),
    "a product of two batches of matrices": _names("""
        test_matmul_3d
        test_matmul_4d
        test_matmul_bcast
        test_matmul_1d_3d
    """),
    "a size that is rounded to keep the proportions": _names("""
        test_resize_downsample_sizes_nearest_not_smaller
    """),
    "a slope for each element": _names("""
        test_prelu_example
    """),
    "an Lp pool with padding or dilation": _names("""
        test_lppool_2d_pads
        test_lppool_2d_dilations
    """),
    "an average pool with dilation": _names("""
        test_averagepool_2d_dilations
        test_averagepool_3d_dilations_small
        test_averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_True
        test_averagepool_3d_dilations_large_count_include_pad_is_0_ceil_mode_is_False
        test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_True
        test_averagepool_3d_dilations_large_count_include_pad_is_1_ceil_mode_is_False
    """),
    "another slope than a sixth": _names("""
        test_hardsigmoid_example
        test_hardsigmoid
        test_hardsigmoid_default
    """),
    "bfloat16, which NumPy does not have": _names("""
        test_attention_4d_causal_bf16
        test_attention_4d_padded_kv_bf16
        test_attention_4d_causal_padded_kv_bf16
        test_attention_4d_attn_mask_causal_bf16
        test_attention_3d_causal_bf16
        test_celu_bfloat16
    """),
    "coordinates by another rule": _names("""
        test_resize_upsample_scales_cubic_A_n0p5_exclude_outside
        test_resize_downsample_scales_cubic_A_n0p5_exclude_outside
        test_resize_upsample_scales_cubic_asymmetric
        test_resize_tf_crop_and_resize
        test_resize_tf_crop_and_resize_extrapolation_value
        test_resize_downsample_sizes_linear_pytorch_half_pixel
        test_resize_tf_crop_and_resize_axes_2_3
        test_resize_tf_crop_and_resize_axes_3_2
        test_resize_downsample_scales_linear_half_pixel_symmetric
        test_resize_upsample_scales_linear_half_pixel_symmetric
    """),
    "corners aligned to a size that is not whole": _names("""
        test_resize_downsample_scales_linear_align_corners
        test_resize_downsample_scales_cubic_align_corners
    """),
    "indices into an output of another size than output_shape": _names("""
        test_maxunpool_export_with_output_shape
    """),
    "integers": _names("""
        test_clip_default_int8_min
        test_clip_default_int8_max
        test_clip_default_int8_inbounds
        test_maxpool_2d_uint8
    """),
    "logits that are capped": _names("""
        test_attention_4d_softcap
        test_attention_4d_gqa_softcap
        test_attention_4d_diff_heads_sizes_softcap
        test_attention_4d_with_qk_matmul_softcap
        test_attention_3d_softcap
        test_attention_3d_gqa_softcap
        test_attention_3d_diff_heads_sizes_softcap
        test_attention_3d_with_past_and_present_qk_matmul_softcap
        test_attention_4d_softcap_neginf_mask
        test_attention_4d_softcap_neginf_mask_poison
        test_attention_local_window_gqa_rank4_mask
    """),
    "more padding on one side than on the other": _names("""
        test_averagepool_2d_same_upper
        test_averagepool_2d_same_lower
        test_convtranspose_autopad_same
        test_lppool_2d_same_upper
        test_lppool_2d_same_lower
        test_maxpool_2d_same_upper
        test_maxpool_2d_same_lower
    """),
    "other constants than SELU's": _names("""
        test_selu_example
        test_selu
    """),
    "padding of more than half a window": _names("""
        test_averagepool_2d_pads
        test_averagepool_2d_pads_count_include_pad
        test_maxpool_2d_pads
    """),
    "the nearest element by another rule": _names("""
        test_resize_downsample_scales_nearest
        test_resize_upsample_sizes_nearest
        test_resize_downsample_sizes_nearest
        test_resize_upsample_sizes_nearest_floor_align_corners
        test_resize_upsample_sizes_nearest_round_prefer_ceil_asymmetric
        test_resize_upsample_sizes_nearest_ceil_half_pixel
        test_resize_upsample_sizes_nearest_axes_2_3
        test_resize_upsample_sizes_nearest_axes_3_2
        test_resize_upsample_sizes_nearest_not_larger
        test_resize_downsample_sizes_nearest_not_larger
    """),
    "wider kernels for shrinking, whose borders are cut another way": _names("""
        test_resize_downsample_scales_linear_antialias
        test_resize_downsample_sizes_linear_antialias
        test_resize_downsample_scales_cubic_antialias
        test_resize_downsample_sizes_cubic_antialias
    """),
}

#: Operators that are layers or near to it, and have no function in torch.nn.functional.
WITHOUT_FUNCTION = {
    "Hardmax": "the position of the maximum as zeros and a one: no gradient",
    "LinearAttention": "attention by a recurrent state: not in PyTorch",
    "FlexAttention": "attention whose scores a graph of operators changes: not a function of arrays",
    "RotaryEmbedding": "not in PyTorch's functions",
    "SwiGLU": "not in PyTorch's functions; its parts, SiLU and a product, are",
    "DeformConv": "torchvision's",
    "RoiAlign": "torchvision's",
    "CenterCropPad": "a choice of slices",
    "ConvInteger": "quantised",
    "MatMulInteger": "quantised",
    "QLinearConv": "quantised",
    "QLinearMatMul": "quantised",
    "QuantizeLinear": "quantised",
    "DequantizeLinear": "quantised",
    "DynamicQuantizeLinear": "quantised",
    "OneHot": "no gradient",
    "Einsum": "a product of any arrays, no layer's",
    "Adagrad": "an optimizer's step",
    "Adam": "an optimizer's step",
    "Momentum": "an optimizer's step",
}

#: Layers with a state over time, which PyTorch has in torch.nn alone: to be said once scratchnet.nn has them.
RECURRENT = ("RNN", "GRU", "LSTM")

#: Operators that are no layers: mathematics element by element, comparisons, reductions, reshapings, text,
#: control flow.
OTHER = _names("""
    Abs Acos Acosh Add And ArgMax ArgMin ArrayFeatureExtractor Asin Asinh Atan Atanh Bernoulli
    Binarizer BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast
    CastLike Ceil Compress Concat Constant ConstantOfShape Cos Cosh CumProd CumSum DFT Det Div Equal
    Erf Exp Expand EyeLike Floor GatherElements GatherND Greater GreaterOrEqual HammingWindow
    HannWindow Identity If ImageDecoder IsInf IsNaN LabelEncoder Less LessOrEqual Log Loop Max Mean
    MelWeightMatrix Min Mod Mul Neg NonMaxSuppression NonZero Not OptionalGetElement
    OptionalHasElement Or Pow Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp
    ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare RegexFullMatch Reshape
    ReverseSequence Round STFT Scan Scatter ScatterElements ScatterND SequenceInsert SequenceMap
    Shape Sign Sin Sinh Size Slice Split SplitToSequence Sqrt Squeeze StringConcat StringNormalizer
    StringSplit Sub Sum Tan TensorScatter TfIdfVectorizer Tile TopK Transpose TreeEnsemble Trilu
    Unique Unsqueeze Where Xor
""")
