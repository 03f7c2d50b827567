"""All explanations, in the order in which they are believed: the most specific first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import (
    _arguments,
    _calls,
    _conditions,
    _copies,
    _derivatives,
    _factors,
    _formulas,
    _gates,
    _losses,
    _margins,
    _normalization,
    _pattern,
    _places,
    _range,
    _recurrent,
    _sums,
    _turned,
    _windows,
)

if TYPE_CHECKING:
    from .protocol import Diagnosis

#: What is done to memory and between calls: each is seen by an experiment of its own.
CALLS: tuple[Diagnosis, ...] = (
    _calls.overwrites,
    _calls.repeated,
    _calls.stale,
    _calls.memory,
    _calls.depends_on_what_is_asked,
    _calls.float64_out,
    _calls.assumes_contiguous,
    _calls.masks,
)
#: What is wrong with the numbers.
VALUES: tuple[Diagnosis, ...] = (
    _formulas.clipped_probabilities,
    _range.out_of_range,
    _conditions.wrong_beyond_a_size,
    _recurrent.one_step,
    _recurrent.nothing_passed_on,
    _arguments.output_without_option,
    _sums.not_summed,
    _sums.wrong_shape,
    _sums.declared_shape,
    # Conventions, before what they would be called otherwise.
    _factors.divides_all_by_the_batch,
    _factors.scales_value_and_gradient,
    _arguments.momentum_is_the_other_share,
    # Special values, before the formulas: these are right for ordinary ones.
    _places.special_values,
    _places.relu_of_zero,
    _places.repeated_in_bags,
    _places.repeated_index,
    _range.cancellation,
    # Whole formulas.
    _turned.upstream_ignored,
    _turned.exchanged,
    _turned.of_another,
    _factors.factor,
    _turned.transposed,
    _formulas.derivative_left_out,
    _formulas.derivative_at_output,
    _recurrent.state_without_tanh,
    _recurrent.square_missing,
    _recurrent.of_another_state,
    _gates.step_written_out,
    _formulas.approximate_formula,
    _formulas.rounded_constant,
    _formulas.softmax_term_missing,
    _formulas.one_path_alone,
    _turned.made_with_another,
    _formulas.norm_held_constant,
    _formulas.normalized_elsewhere,
    _derivatives.slip_in_the_derivative,
    _derivatives.mask_of_the_cotangent,
    _derivatives.mask_of_the_first_sample,
    _losses.binary,
    _losses.gaussian,
    _losses.classes,
    _losses.huber,
    _losses.off_by_a_constant,
    _normalization.normalization,
    _normalization.local_response,
    _normalization.running_variance,
    _normalization.epsilon_in_evaluation,
    _normalization.groups_interleaved,
    _arguments.mode_confused,
    _arguments.only_at_initial_value,
    _arguments.option_ignored,
    _arguments.updated_too_early,
    _sums.overlapping_windows,
    _copies.one_copy_alone,
    _copies.averaged_over_copies,
    _copies.copies_along_an_axis,
    _windows.bins,
    _windows.stride_forgotten,
    _windows.padding_not_cut_off,
    _windows.cut_elsewhere,
    _windows.unpooled,
    _windows.transposed_without_option,
    _margins.margins_not_summed,
    _margins.labels_not_summed,
    _margins.hinge_forgotten,
    _margins.distance_not_divided_by,
    _formulas.clipped,
    _formulas.additive_epsilon,
    _factors.factor_of_one_option,
)
#: Where and when it is wrong, which says less of the cause: tried where nothing else fits.
WHERE: tuple[Diagnosis, ...] = (
    _places.remainder_or_border,  # it costs no further calls
    _turned.batch_mixed,
    _arguments.option_not_heeded,
    _places.last_step,
    _conditions.sides_differ,
    _conditions.condition,
)
#: What the wrong numbers are, whatever the cause: where nothing else is known.
WHAT: tuple[Diagnosis, ...] = (
    _derivatives.rest_of_the_cotangent,
    _derivatives.other_sign,
    _pattern.signs,
    _factors.factor_of_an_array,
    _pattern.numbers_elsewhere,
    _pattern.missing,
    _pattern.too_much,
)
#: Which calls raise, where that is what failed.
RAISES: tuple[Diagnosis, ...] = (_calls.raises_when_used_again, _conditions.condition)
