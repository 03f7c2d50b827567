"""Tables of vectors as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import functional as F
from .._check import (
    check_float_array,
    check_float_dtype,
    check_generator,
    check_integer,
    check_number,
    refuse,
)
from ._layer import Layer

if TYPE_CHECKING:
    import numpy.typing as npt

    from .._types import Array


class _Table(Layer):
    """What both layers share: the table, and what is done to its rows."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        max_norm: float | None,
        norm_type: float,
        scale_grad_by_freq: bool,
        sparse: bool,
        weight: Array | None,
        dtype: npt.DTypeLike,
        generator: np.random.Generator | None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.num_embeddings = check_integer(name, "num_embeddings", num_embeddings, minimum=0)
        self.embedding_dim = check_integer(name, "embedding_dim", embedding_dim, minimum=0)
        if padding_idx is not None:
            padding_idx = check_integer(name, "padding_idx", padding_idx)
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise refuse(
                    name,
                    "padding_idx must be the number of a row",
                    padding_idx=padding_idx,
                    num_embeddings=num_embeddings,
                )
            padding_idx %= num_embeddings
        if max_norm is not None:
            check_number(name, "max_norm", max_norm)
        check_number(name, "norm_type", norm_type)
        if sparse:
            raise refuse(name, "sparse must be False, since gradients are whole arrays", sparse=sparse)
        self.padding_idx = padding_idx
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        shape = (num_embeddings, embedding_dim)
        dtype = check_float_dtype(name, dtype)
        generator = check_generator(name, generator)
        if weight is not None:
            check_float_array(name, "_weight", weight)
            if weight.shape != shape:
                raise refuse(name, f"_weight must be {shape}", _weight=weight)
            self._params["weight"] = weight.copy()
            return
        # In float64 whatever the dtype is, so that one seed gives one table in every precision.
        table = generator.standard_normal(shape).astype(dtype)
        if padding_idx is not None:
            table[padding_idx] = 0
        self._params["weight"] = table

    def _keep_table(self, call: tuple[Any, ...]) -> Array:
        """Keep the pullback and, where rows were scaled down, the new table; return the value."""
        y, self._pullback, *new = call
        if new:
            self._params["weight"][...] = new[0]
        value: Array = y
        return value


class Embedding(_Table):
    """A table that rows are looked up in: `scratchnet.functional.embedding`.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        The number of rows and their length.
    padding_idx : int, optional
        A row that is not learned, at first zeros; negative ones count from the end.
    max_norm : float, optional
        Rows that are looked up and have a norm above it are scaled down to it, in place, by `forward`.
    norm_type : float, default 2
        The exponent of that norm.
    scale_grad_by_freq : bool, default False
        Whether a row's gradient is divided by how often it is looked up.
    sparse : bool, default False
        Only False: gradients are whole arrays.
    _weight : ndarray, optional
        The table to begin with, which is copied.
    _freeze : bool, default False
        Whether the table is not learned: `backward` files no gradient.
    dtype : dtype, default float32
        Of the table, and so of what `forward` returns.
    generator : numpy.random.Generator, optional
        The source of the initial values; a freshly seeded one by default.

    Attributes
    ----------
    params : dict
        ``weight`` (num_embeddings, embedding_dim), at first standard normal, as in PyTorch.

    Raises
    ------
    TypeError, ValueError
        A number is not what it must be; `padding_idx` is not a row's; `_weight` has another shape; `sparse`
        is True.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.Embedding(10, 3, padding_idx=0)
    >>> layer
    Embedding(10, 3, padding_idx=0)
    >>> y = layer(np.array([[1, 0], [1, 9]]))
    >>> y.shape, y[0, 1].tolist()
    ((2, 2, 3), [0.0, 0.0, 0.0])
    >>> layer.backward(np.ones_like(y))  # numbers have no derivative
    >>> layer.grads["weight"][:, 0].tolist()
    [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    """

    _slots: ClassVar[tuple[str, ...]] = ("weight",)

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Array | None = None,
        _freeze: bool = False,
        *,
        dtype: npt.DTypeLike = np.float32,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
            _weight, dtype, generator,
        )  # fmt: skip
        self._frozen = _freeze

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Array,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """Return a layer with this table (V, D), which is copied; learned only where `freeze` is False.

        Examples
        --------
        >>> import numpy as np
        >>> from scratchnet import nn
        >>> layer = nn.Embedding.from_pretrained(np.array([[1.0, 2.0], [3.0, 4.0]]))
        >>> layer(np.array([1])).tolist()
        [[3.0, 4.0]]
        """
        rows, columns = _sides(cls.__name__, embeddings)
        return cls(
            rows, columns, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, embeddings, freeze
        )  # fmt: skip

    def _find_wanted(self) -> dict[bool, tuple[bool, ...]]:
        wanted = super()._find_wanted()
        if self._frozen:
            wanted = self._wanted = {needed: (flags[0], False) for needed, flags in wanted.items()}
        return wanted

    def forward(self, x: Array) -> Array:
        """Return the rows with the numbers x (*) as (*, embedding_dim)."""
        options = (self.norm_type, self.scale_grad_by_freq, self.sparse)
        table = self._params["weight"]
        if self.max_norm is None:
            return self._keep_table(F.embedding(x, table, self.padding_idx, None, *options))
        return self._keep_table(F.embedding(x, table, self.padding_idx, self.max_norm, *options))

    def extra_repr(self) -> str:
        shown = [f"{self.num_embeddings}", f"{self.embedding_dim}"]
        shown += [f"padding_idx={self.padding_idx}"] if self.padding_idx is not None else []
        shown += _norm_shown(self)
        shown += [f"scale_grad_by_freq={self.scale_grad_by_freq}"] if self.scale_grad_by_freq else []
        return ", ".join(shown)


class EmbeddingBag(_Table):
    """A table whose rows are put together a bag at a time: `scratchnet.functional.embedding_bag`.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        The number of rows and their length.
    max_norm : float, optional
        Rows that are looked up and have a norm above it are scaled down to it, in place, by `forward`.
    norm_type : float, default 2
        The exponent of that norm.
    scale_grad_by_freq : bool, default False
        Whether a row's gradient is divided by how often it is looked up; not for ``"max"``.
    mode : {"mean", "sum", "max"}, default "mean"
    sparse : bool, default False
        Only False: gradients are whole arrays.
    _weight : ndarray, optional
        The table to begin with, which is copied.
    include_last_offset : bool, default False
        Whether offsets end with the end of the last bag.
    padding_idx : int, optional
        A row that does not count and is not learned, at first zeros; negative ones count from the end.
    dtype : dtype, default float32
        Of the table, and so of what `forward` returns.
    generator : numpy.random.Generator, optional
        The source of the initial values; a freshly seeded one by default.

    Attributes
    ----------
    params : dict
        ``weight`` (num_embeddings, embedding_dim), at first standard normal, as in PyTorch.

    Raises
    ------
    TypeError, ValueError
        A number is not what it must be; `padding_idx` is not a row's; `_weight` has another shape; `sparse`
        is True.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.EmbeddingBag(10, 3, mode="sum")
    >>> layer
    EmbeddingBag(10, 3, mode='sum')
    >>> y = layer(np.array([1, 2, 4, 5]), np.array([0, 3]))
    >>> y.shape
    (2, 3)
    >>> layer.backward(np.ones_like(y))
    (None, None)
    >>> layer.grads["weight"][:, 0].tolist()
    [0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    """

    _slots: ClassVar[tuple[str, ...]] = ("weight", "", "")

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Array | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        *,
        dtype: npt.DTypeLike = np.float32,
        generator: np.random.Generator | None = None,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
            _weight, dtype, generator,
        )  # fmt: skip
        self.mode = mode
        self.include_last_offset = include_last_offset
        self._given = 1

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Array,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:
        """Return a layer with this table (V, D), which is copied; learned only where `freeze` is False."""
        rows, columns = _sides(cls.__name__, embeddings)
        layer = cls(
            rows, columns, max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings,
            include_last_offset, padding_idx,
        )  # fmt: skip
        layer._frozen = freeze
        return layer

    _frozen = False

    def forward(
        self, x: Array, offsets: Array | None = None, per_sample_weights: Array | None = None
    ) -> Array:
        """Return a row for each bag of x (B, L), or of x (M,) with offsets (B,)."""
        before = (self.norm_type, self.scale_grad_by_freq, self.mode, self.sparse)
        after = (per_sample_weights, self.include_last_offset, self.padding_idx)
        table = self._params["weight"]
        if self.max_norm is None:
            y = self._keep_table(F.embedding_bag(x, table, offsets, None, *before, *after))
        else:
            y = self._keep_table(F.embedding_bag(x, table, offsets, self.max_norm, *before, *after))
        self._given = 3 if per_sample_weights is not None else 2 if offsets is not None else 1
        return y

    def backward(self, *cotangents: Any, needs_input_grad: bool = True) -> Any:
        """File the table's gradient; return what belongs to the inputs.

        Parameters
        ----------
        *cotangents : ndarray
            Of the value's shape and dtype.
        needs_input_grad : bool, default True
            False leaves out the gradient of `per_sample_weights`.

        Returns
        -------
        None or tuple
            None for numbers alone; else one slot for each of x, offsets and per_sample_weights that was
            given (None for an input before the last that was not), of which only the last has a gradient.

        Raises
        ------
        RuntimeError
            `forward` has not been called.
        """
        if self._pullback is None:
            raise RuntimeError("EmbeddingBag.backward: forward must be called first")
        wanted = (False, not self._frozen, False, needs_input_grad)
        _, dweight, _, dweights = self._pullback(*cotangents, needs_input_grad=wanted)
        if dweight is not None:
            self._grads["weight"] = dweight
        return None if self._given == 1 else (None, None, dweights)[: self._given]

    def extra_repr(self) -> str:
        shown = [f"{self.num_embeddings}", f"{self.embedding_dim}", *_norm_shown(self)]
        shown += [f"scale_grad_by_freq={self.scale_grad_by_freq}"] if self.scale_grad_by_freq else []
        shown.append(f"mode={self.mode!r}")
        shown += [f"padding_idx={self.padding_idx}"] if self.padding_idx is not None else []
        return ", ".join(shown)


def _norm_shown(layer: _Table) -> list[str]:
    shown = [f"max_norm={layer.max_norm}"] if layer.max_norm is not None else []
    return shown + ([f"norm_type={layer.norm_type}"] if layer.norm_type != 2 else [])


def _sides(name: str, embeddings: Array) -> tuple[int, int]:
    check_float_array(name, "embeddings", embeddings)
    if embeddings.ndim != 2:
        raise refuse(name, "embeddings must be (V, D)", embeddings=embeddings)
    rows, columns = embeddings.shape
    return rows, columns
