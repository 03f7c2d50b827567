"""Objects with a forward and a backward method, whatever these are called and wherever gradients are kept."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from ..references._normalization import NO_MOMENTUM
from ..source import loaded_in, quotes, returns_none, text_of
from . import names
from .apart import GATHERED, joined_class
from .binding import (
    Bound,
    bind,
    given_option,
    in_pairs,
    insisted,
    options_of,
    refuse_strangers,
    sides,
    signature,
    unpacked,
)
from .draws import reseed, spaces_of
from .gradients import is_array, kept_of, of_returned, of_vectors, recast, strangers
from .handed import OUTPUTS, as_given, assigned, rate_for, with_predictions
from .kinks import as_pytorch_has_it
from .on_tensors import class_of_arrays, kept_on_tensors
from .passes import handed_to, methods, takes_anything
from .places import Attribute, Place, of_parameters, places
from .protocol import Cannot, Gradients, Started
from .set_up import Optimizer, knows_nothing, prepare
from .tensors import class_in_tensors, uses_torch
from .unfinished import unwritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .._types import Array
    from ..references.protocol import Form, Kind

#: What sets gradients that add up back to zero, of an object or of what keeps one of its parameters.
_ZEROES = (
    "zero_grad", "zero_grads", "zero_gradient", "zero_gradients", "clear_grad", "clear_grads", "cleargrad",
    "cleargrads", "clear_gradients", "reset_grad", "reset_grads", "reset_gradient", "reset_gradients",
)  # fmt: skip


class Misfit(ValueError):  # noqa: N818 - a verdict, not an error
    """An object's own parameter has another shape than this form's: not the form it has."""


def _tells_mode(name: str) -> bool:
    """Return whether an argument of a forward pass says whether it is training."""
    return (
        names.plain(name) == "mode"
        or names.option_named(name, names.OPTIONS, frozenset({"training"})) == "training"
    )


class ObjectDriver:
    """Drives a class: builds an object, hands it our parameters, and finds its gradients.

    While `reuses` is set, an object is used again for the next call of the same options and parameter shapes,
    with other parameters put in place: what it keeps of an earlier call shows.
    """

    linearizes = False
    skips = False
    compiles = False

    def __init__(self, cls: type, kind: Kind) -> None:
        found = methods(cls)
        if found is None:
            raise Cannot("it has no forward and backward method", "call them forward and backward")
        self._cls, self._kind = cls, kind
        self._forward, self._backward = found
        self.absent: frozenset[str] = frozenset()
        #: What it says of parameters that are taken together, none of which is found by itself.
        self._gathered = [words for words in [getattr(cls, GATHERED, "")] if words]
        self.notes: list[str] = [*self._gathered]
        self.conventions: dict[str, str] = {}
        self.reuses = False
        #: Of an element's derivative: whether it is handed what forward returned.
        self.of_output = False
        #: What it returns beside its output.
        self.beside = ""
        self._pool: dict[Any, tuple[Any, dict[str, list[Place]]]] = {}
        self._updates = False
        #: Whether a parameter had another shape after its update: there is no sum over samples.
        self.outgrown = False
        self._own_rate: str | None = None
        #: The object of the last backward pass, where its parameters are, and what it was handed.
        self._last: tuple[Any, Mapping[str, list[Place]], Mapping[str, Array]] | None = None
        # A class without a constructor of its own has the empty signature.
        made = signature(cls)
        required = [p.name for p in made if p.default is p.empty]
        #: What takes the place of an optimizer, and keeps the gradients that it is handed.
        self._optimizer = Optimizer()
        #: What is no matter of the operation: a generator, an optimizer, and no activation.
        self._given: dict[str, Any] = self._neutral(required)
        #: The argument that says which activation follows.
        self.chosen = next((n for n in required if names.plain(n) in names.CHOOSES), "")
        if self.chosen:
            self._given[self.chosen] = None
            self.notes.append(f"made with {self.chosen}=None")
        self._new: Bound = bind(
            [p for p in made if p.name not in self._given], kind, (*kind.params, *kind.state), sized=True,
            sides=sides(cls),
        )  # fmt: skip
        self._unpacked = unpacked(cls)
        #: The flag of the constructor that leaves out the bias.
        self._with_bias = next((p.name for p in made if names.plain(p.name) in ("bias", "usebias")
                                and p.default is True and "bias" in kind.params), "")  # fmt: skip
        if self._with_bias in self._new.left_out:
            self._new.left_out.remove(self._with_bias)
        self.notes += self._new.said()
        #: Whether what it is guessed to be made with, "sizes" and pairs, may be what it stumbles over.
        self.pairs = False
        self._mode_words = False
        #: The argument for the padding, where it is a word: "valid" or "same".
        self._padding_word = next((p for p in made if self._new.options.get(p.name) == "padding"
                                   and str(p.default).lower() in ("valid", "same")), None)  # fmt: skip
        #: The inputs of the forward pass that was run for the parameters it makes.
        self._handed: tuple[Array, ...] = ()
        #: Parameters that forward is handed beside its inputs.
        self._called: tuple[str, ...] = ()
        #: The argument for both states of an LSTM's step, where these are handed over in one.
        self._state = ""
        self._bind_forward()
        self._back = handed_to(cls, self._backward)
        #: What tells backward too whether it is training: no gradient, and handed what forward is handed.
        self._back_flags = [p.name for p in self._back if names.plain(p.name) in names.OPTIONS["training"]]
        #: What else it is handed that is no array: how many samples its step is for, and an optimizer.
        self._back_given: dict[str, Any] = {
            p.name: 1 if names.plain(p.name) in names.COUNTS else self._optimizer
            for p in self._back[1:] if names.plain(p.name) in (*names.COUNTS, *names.OPTIMIZERS)
        }  # fmt: skip
        self._back_given |= dict.fromkeys(self._unread())
        self._back = [p for p in self._back if p.name not in (*self._back_flags, *self._back_given)]
        self.local = self._is_local()
        self.takes = self._new.takes | self._call.takes | self._modes()
        if "kernel_h" in self.takes or "kernel_w" in self.takes:
            self.takes |= {"kernel_size", "unequal kernel"}
        if self._padding_word is not None:
            self.takes |= {"padding in words"}
        if any(names.plain(name) == "normalizedshape" for name in self._new.sizes):
            self.takes |= {"normalized_shape"}
        if self._new.sizes and "kernel" in self._new.sizes.values():
            self.takes |= {"square kernel", "sized kernel"}
        self.takes |= insisted(cls)
        if "momentum" in self.takes and kind.name == "batch_norm" and self.says("momentum is None"):
            self.takes |= {NO_MOMENTUM}
        self.takes -= set() if self.mentions("relu") else {"nonlinearity"}
        self.takes |= {"no bias"} if self._with_bias and "bias" not in self.absent else frozenset()
        known = {*self._new.slots.values(), *self._called}
        missing = [s for s in kind.learnt if s not in known]
        if self._called or (self._new.slots and not self._new.sizes):
            self.absent |= frozenset(missing)
        else:
            self.absent |= self._missing(missing) if missing else frozenset()
        self.absent |= frozenset(s for s in kind.params if s not in kind.learnt and s not in known)

    def _neutral(self, required: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in required:
            short = names.plain(name)
            if short in names.GENERATORS:
                found[name] = np.random.default_rng(0)
            elif short in names.OPTIMIZERS:
                found[name] = self._optimizer
            elif (
                short in names.NEUTRAL
                and names.option_named(name, names.OPTIONS, options_of(self._kind)) is None
            ):
                found[name] = names.NEUTRAL[short]
                self.notes.append(f"made with {name}={found[name]!r}")
        return found

    def _bind_forward(self) -> None:
        kind = self._kind
        parameters = handed_to(self._cls, self._forward)
        refuse_strangers([p.name for p in parameters], kind)
        self._call = Bound()
        free = list(kind.inputs)
        self._bare = not parameters and takes_anything(getattr(self._cls, self._forward))
        if self._bare:  # by position, in the usual order
            self._call.slots, self.absent, self._inputs = {s: s for s in free}, frozenset(), tuple(free)
            return
        if not parameters:
            raise Cannot(f"its {self._forward} takes no input")
        if names.plain(parameters[0].name) in ("ctx", "context"):
            raise Cannot(
                f"its {self._forward} wants a context, and it is no torch.autograd.Function",
                "keep what backward needs in self, or return it: (value, cache)",
                whatever=True,
            )
        required = [p for p in parameters if p.default is p.empty]
        arrays = [p for p in required if not _tells_mode(p.name)]
        if kind.learnt and not self._new.slots and not self._new.sizes and len(arrays) > len(free):
            self._called = tuple(s for s in kind.params)  # `forward(x, W, b)`
            free += self._called
        if kind.loss and len(parameters) > 1 and names.target_first(parameters[0].name, parameters[1].name):
            free = ["target", *(s for s in free if s != "target")]
            self.notes.append(f"{parameters[0].name} is taken as the target")
        for parameter in parameters:
            if {"h", "c"} <= set(free) and names.plain(parameter.name) in names.STATES:
                self._state = parameter.name
                free = [slot for slot in free if slot not in ("h", "c")]
            elif (flag := self._flag(parameter)) is not None:
                self._call.options[parameter.name] = flag
            elif _tells_mode(parameter.name):
                self._call.options[parameter.name] = "training"
                self._mode_words = names.plain(parameter.name) == "mode" or isinstance(parameter.default, str)
            elif free and (parameter in required or names.slot_named(parameter.name, tuple(free))):
                slot = (
                    free[0]
                    if parameter is parameters[0]
                    else names.slot_named(parameter.name, tuple(free)) or free[0]
                )
                self._call.slots[parameter.name] = slot
                free.remove(slot)
            elif parameter in required:
                raise Cannot(f"the argument {parameter.name!r} of its {self._forward} is not known")
        self.absent = frozenset(free)
        self._called = tuple(slot for slot in self._called if slot not in free)
        self._inputs = tuple(slot for slot in (*kind.inputs, *self._called) if slot not in free)

    def _flag(self, parameter: inspect.Parameter) -> str | None:
        """Return the kind's flag that an argument of forward is, where the constructor takes none of it."""
        defaults = self._kind.defaults
        flags = {o for o in defaults if isinstance(defaults[o], bool)} - {"training"} - self._new.takes
        named = names.option_named(parameter.name, names.OPTIONS, frozenset(flags))
        return named if isinstance(parameter.default, bool) else None

    def _unread(self) -> list[str]:
        """Return the last arguments of its backward pass that it never looks at, and that are no gradient."""
        found: list[str] = []
        read = loaded_in(getattr(self._cls, self._backward))
        alone = len(self._kind.inputs) == 1  # of several inputs and states each is known by where it stands
        for parameter in reversed(self._back[1:] if read and alone else []):
            if parameter.name in read or names.is_upstream(parameter.name):
                break
            if parameter.default is parameter.empty:
                found.append(parameter.name)
        return found

    def _is_local(self) -> bool:
        """Return whether its backward pass is handed the input, and gives each element's own derivative."""
        backward = getattr(self._cls, self._backward)
        if unwritten(backward):
            raise Cannot(f"its {self._backward} is not written yet", "fill it in")
        if (
            len(self._back) == 1
            and self._back[0].default is None
            and names.plain(self._back[0].name) in names.KEPT
        ):
            self._back = []  # it keeps that itself
        if not self._back and self._kind.elementwise and not takes_anything(backward):
            self.notes.append(
                f"{self._backward}() is handed no gradient: taken as each element's derivative, times the "
                "gradient of the output"
            )
            return True
        required = [p for p in self._back if p.default is p.empty] or self._back[:1]
        if len(required) != 1 or self._kind.loss:
            return False
        name = required[0].name
        if not (names.is_input(name) or names.is_output(name)) or names.is_upstream(name):
            return False
        if self._backward not in names.DERIVATIVES and not knows_nothing(self._cls, self._backward):
            return False
        if not self._kind.elementwise:
            raise Cannot(
                f"its {self._backward}({name}) is handed no gradient of the output: the derivative of "
                f"{self._kind.name} is a matrix for each sample",
                "give it a method backward(dout)",
            )
        self.of_output = names.is_output(name)
        self.notes.append(
            f"{self._backward}({name}) is each element's derivative, times the gradient of the output"
        )
        return True

    def _modes(self) -> frozenset[str]:
        cls = self._cls
        self._switch = ""
        if "training" in self._call.options.values():
            return frozenset({"training"})
        for name in ("eval", "train"):
            if not callable(getattr(cls, name, None)):
                return frozenset() if not self._mode_attribute() else frozenset({"training"})
        self._switch = "eval"
        return frozenset({"training"})

    def _mode_attribute(self) -> bool:
        methods = [m for c in self._cls.__mro__[:-1] for m in vars(c).values() if inspect.isfunction(m)]
        used = {name for method in methods for name in method.__code__.co_names}
        for name in (
            "training", "is_training", "train_flg", "train_mode", "_is_training", "testing", "is_testing",
            "test_mode", "eval_mode", "is_eval", "inference", "inference_mode",
        ):  # fmt: skip
            if name in used and not callable(getattr(self._cls, name, None)):
                self._switch = name
                return True
        return False

    def _missing(self, slots: list[str]) -> frozenset[str]:
        """Build objects by their sizes, and say which parameters they do not have."""
        error: Exception | None = None
        gone: frozenset[str] | None = None
        for self.pairs in (False, True):
            for arrays, options, form in self._tries():
                try:
                    thing = self._made(arrays, options, form)
                except Cannot:
                    raise
                except Exception as raised:  # this form's sizes may not be what it is made with
                    error = error or raised
                    continue
                found = self._kept(thing, slots)
                if gone is None or len(found) > len(slots) - len(gone):
                    gone = frozenset(s for s in slots if s not in found)
                if not gone:
                    return gone
            if gone is not None and not gone & {"weight", "weight_ih"}:
                break
        if gone is None:
            raise Cannot(f"building it raises {type(error).__name__}: {error}") from error
        if ("weight" in gone or "weight_ih" in gone) and not (
            self._kind.plain and gone == {*self._kind.params}
        ):
            wanted = [slot for slot in self._kind.learnt if "weight" in slot and slot in gone]
            if wanted == ["weight"]:
                raise Cannot("its weight is not found", "keep it as self.W or self.params['W']")
            raise Cannot(
                f"taken for {self._kind.name}, its {' and '.join(wanted)} are not found",
                f"keep them as {', '.join(f'self.{slot}' for slot in wanted)}",
            )
        return gone

    def _tries(self) -> Iterator[tuple[dict[str, Array], dict[str, Any], Form]]:
        """Yield a call in each of the layouts that the input may have."""
        from ..references.protocol import Sampler, Sketch
        from ..strategies import Setting

        seen = set()
        for form in self._kind.forms(False):
            shape = (form.layout(self._inputs[0]).name, *(form.options.get(k) for k in ("samples", "rank")))
            if shape in seen:
                continue
            seen.add(shape)
            sampler = Sampler(np.random.default_rng(5), Setting(np.dtype(np.float64), layouts=False))
            arrays, options = self._kind.draw(Sketch(sampler, form, self.takes, "nothing"))
            yield {k: a for k, a in arrays.items() if a is not None}, options, form

    def _kept(self, thing: Any, slots: list[str]) -> dict[str, list[Place]]:
        if self._gathered:
            return {s: [Place(thing, Attribute(s), s)] for s in slots if hasattr(thing, s)}
        return of_parameters(thing, slots, self._kind, self._handed)

    @property
    def is_first(self) -> bool:
        """Whether its backward pass says that it returns None: the layer is made to be the first."""
        return returns_none(getattr(self._cls, self._backward))

    @property
    def steps(self) -> bool:
        """Whether its backward pass updates the parameters itself."""
        return self._updates

    @property
    def counts_by_default(self) -> bool:
        """Whether it is made with as many channels as its constructor says where nobody else does."""
        defaults = {p.name: p.default for p in signature(self._cls)}
        counts = [name for name, size in self._new.sizes.items() if size == "in"]
        return any(defaults[name] is not inspect.Parameter.empty for name in counts)

    @property
    def sized(self) -> bool:
        """Whether it is made from sizes: the shapes of its parameters are its own choice."""
        return bool(self._new.sizes)

    def promises(self, argument: str) -> bool:
        """Return whether it is a class of torch.nn's name that takes an argument of torch.nn's name."""
        from scratchnet import nn

        twin = getattr(nn, self._cls.__name__, None)
        taken = (p.name for p in signature(self._cls))
        return isinstance(twin, type) and argument in inspect.signature(twin).parameters and argument in taken

    def unasked(self) -> list[str]:
        """Return the arguments that torch.nn's class of its name has, and that are left at their defaults."""
        return [n for n in self._new.left_out if names.plain(n) not in names.NO_MATTER and self.promises(n)]

    def says(self, word: str) -> bool:
        """Return whether the class's own text has a word."""
        return word in text_of(*self._cls.__mro__[:-1])

    def mentions(self, word: str) -> bool:
        """Return whether its file has this word for an option."""
        return quotes(text_of(inspect.getmodule(self._cls)), word)

    def may_be_misdriven(self, error: BaseException) -> bool:
        """Return whether an error on every call may rather be ours: how the object is made or set up."""
        if isinstance(error, NameError | ImportError | KeyError):
            return not isinstance(error, NameError) or isinstance(error, UnboundLocalError)
        own = text_of(*self._cls.__mro__[:-1])
        if isinstance(error, AttributeError) and error.name and f"self.{error.name} =" in own:
            return True  # another of its methods sets it
        guessed = (
            set(self._new.sizes.values()) - {"in", "out"} or self._new.options or self._bare or self._given
        )
        return bool(guessed)

    @property
    def forward(self) -> Any:
        """The class's own forward pass."""
        return getattr(self._cls, self._forward)

    # ---- objects

    def use_again(self, *, reuses: bool) -> None:
        """Begin a check: with objects that are used again, or with a new one for every call."""
        self.reuses = reuses
        self._pool.clear()

    def _option_arguments(self, options: Mapping[str, Any], form: Form) -> dict[str, Any]:
        defaults = {p.name: p.default for p in signature(self._cls)} if self._new.options else {}
        found = {}
        for arg, option in self._new.options.items():
            value = given_option(self._kind, option, options, form, defaults[arg])
            # As its default is, if that says; else as it turns out to want it.
            if option == "training" and option in options:
                value = self._mode(arg, bool(value))
            pair = isinstance(defaults[arg], tuple) or (self.pairs and not isinstance(defaults[arg], int))
            if pair:
                value = in_pairs(self._kind, option, value)
            if (
                self._padding_word is not None
                and arg == self._padding_word.name
                and isinstance(value, int | str)
            ):
                value = value if isinstance(value, str) else "same" if value else "valid"
                value = value.upper() if self._padding_word.default.isupper() else value
            if (
                option in options
                or option in form.options
                or defaults[arg] is inspect.Parameter.empty
                or value != defaults[arg]
            ):
                found[arg] = value
        return found

    def _object(
        self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form
    ) -> tuple[Any, dict[str, list[Place]], Any]:
        params = self._own_params(arrays)
        held = {s: (arrays[s].copy() if self._updates else arrays[s]) for s in params}
        building = self._building(arrays, options, form)
        key = (tuple(sorted((k, str(v)) for k, v in building.items())), tuple(held[s].shape for s in params),
               tuple(str(held[s].dtype) for s in params) if params else "",
               tuple(held[s].tobytes() for s in params if s in self._kind.fixed))  # fmt: skip
        # An average over all batches so far is known of a new object alone.
        if self.reuses and key in self._pool and options.get("momentum", 0.1) is not None:
            thing, where = self._pool[key]
            if all(s in where for s in params):
                for slot in params:
                    for place in where[slot]:
                        place.put(held[slot])
                return thing, where, key
        thing = self._made({**arrays, **held}, options, form)
        named = set(self._new.slots.values())
        where = {s: [p for p in places(thing) if p.get() is held[s]] for s in params if s in named}
        where.update(self._kept(thing, [s for s in params if s not in named]))
        for slot in params:
            if slot not in named:
                for place in where.get(slot, ()):
                    if np.shape(place.get()) != held[slot].shape:
                        raise Misfit(
                            f"its {place.name} has the shape {np.shape(place.get())}, not {held[slot].shape}"
                        )
                    place.put(held[slot])
                recast(thing, slot, where.get(slot, []), held[slot])
        where = {s: found for s, found in where.items() if found}
        return thing, where, key

    def _building(
        self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form
    ) -> dict[str, Any]:
        """Return what an object is made with, beside arrays."""
        building = self._option_arguments(options, form) | self._given
        if self._with_bias and "bias" not in arrays:
            building[self._with_bias] = False
        sizes = self._sizes(arrays, options, form) if self._new.sizes else {}
        told = set(self._new.sizes.values())
        for arg, size in self._new.sizes.items():
            if size not in sizes:
                raise Cannot(f"its constructor's argument {arg!r} is not known")
            side = sizes[size]
            if all(part in sizes for part in self._unpacked.get(arg, [""])):
                side = tuple(sizes[part] for part in self._unpacked[arg])
            elif size == "kernel" and "weight" in sizes and not told & {"in", "out", "shape"}:
                side = sizes["weight"]  # nothing else says how many channels there are
            elif self.pairs and size == "kernel":
                side = in_pairs(self._kind, "kernel_size", side)
            elif self.pairs and len(told) == 1 and size in ("in", "out"):
                side = (sizes["in"], sizes["out"]) if "out" in sizes else (side,)
            building[arg] = side
        return building

    def _made(self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form) -> Any:
        """Return a new object that is ready for its first call; its own parameters are still in it."""
        building = self._building(arrays, options, form)
        for name, slot in self._new.slots.items():
            if slot in arrays:
                building[name] = arrays[slot]
        thing = self._cls(**building)
        own = [s for s in self._kind.params if s in arrays and s not in self._called
               and s not in self._new.slots.values() and s not in self.absent]  # fmt: skip
        if own and all(s in self._kept(thing, own) for s in own):
            return thing
        sizes = self._sizes(arrays, options, form)
        prepare(thing, sizes.get("shape"), sizes, self._optimizer)
        if own and not all(s in self._kept(thing, own) for s in own):
            # Parameters that are made when the first batch comes.
            self._run_forward(thing, {k: a.copy() for k, a in arrays.items()}, training=True)
        return thing

    def _run_forward(self, thing: Any, arrays: Mapping[str, Array], *, training: bool) -> None:
        """Run the forward pass for what it makes; what is wrong with it, its checks will say."""
        self._handed = tuple(arrays[s] for s in self._inputs if s in arrays)
        try:
            self._set_mode(thing, training=training)
            self._forwards(thing, arrays, {}, training=training)
        except Exception:
            return

    def _zero(self, thing: Any, where: Mapping[str, list[Place]]) -> None:
        """Set gradients that add up by design back to zero, by the thing's own method."""
        owners = [thing, *(p.owner for found in where.values() for p in found if p.owner is not thing)]
        for owner in {id(o): o for o in owners if not isinstance(o, dict | list)}.values():
            for name in _ZEROES:
                zero = getattr(owner, name, None)
                if not callable(zero):
                    continue
                try:
                    zero()
                except Exception:  # it is for something else, or not finished
                    continue
                for slot, found in where.items():
                    if slot not in self._new.slots.values():  # they may have been made anew
                        recast(thing, slot, found, found[0].get())
                words = f"{name}() is called before each backward pass: until then gradients may add up"
                if words not in self.notes:
                    self.notes.append(words)
                break

    def _own_params(self, arrays: Mapping[str, Array]) -> list[str]:
        """Return the parameters that the object keeps, of those that a call has."""
        return [s for s in self._kind.params if s in arrays and s not in self._called]

    def _sizes(self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form) -> dict[str, Any]:
        """Return the sizes that a constructor may ask for; the shape is one sample's, as the layer has it."""
        first = arrays.get(self._inputs[0])
        alone = form.options.get("samples") == 0
        found: dict[str, Any] = {} if first is None else {"shape": first.shape if alone else first.shape[1:]}
        if self._kind.sizes is not None:
            as_torch = {k: np.asarray(form.layout(k).to(a)) for k, a in arrays.items()}
            found |= self._kind.sizes({**options, **as_torch})
        if "weight" in arrays:
            found["weight"] = arrays["weight"].shape
        return found

    # ---- the two passes

    def start(self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form) -> Started:
        """Build or find an object and run its forward pass."""
        thing, where, key = self._object(arrays, options, form)
        if self._kind.random:
            reseed(vars(thing), *spaces_of(self._cls))
        training = bool(options.get("training", True))
        self._set_mode(thing, training=training)
        state = self._put_state(thing, arrays)
        self._pool.pop(key, None)  # a call that raises leaves an object that is not used again
        out = self._forwards(thing, arrays, options, training=training)
        if out is None:
            out = next(
                (getattr(thing, n) for n in OUTPUTS if isinstance(getattr(thing, n, None), np.ndarray)), None
            )
        cache = self._cache(out)
        outputs = self._outputs(out[0] if cache else out)
        flags = self._back_given | {name: self._mode(name, training) for name in self._back_flags}
        self._pool[key] = (thing, where)
        extras = {f"new_{k}": _as(p.get(), arrays[k]) for k, p in state.items()
                  if isinstance(p.get(), np.ndarray)}  # fmt: skip

        def back(cotangents: tuple[Array, ...], _: Any) -> Gradients:
            kept = self._pool.pop(key, None)
            self._zero(thing, where)
            grads = self._run_back(thing, where, arrays, outputs, cotangents, cache, flags, options, form)
            if kept is not None and kept[0] is thing:
                self._pool[key] = kept
            return grads

        return Started(outputs, back, extras)

    def _forwards(
        self, thing: Any, arrays: Mapping[str, Array], options: Mapping[str, Any], *, training: bool
    ) -> Any:
        arguments: dict[str, Any] = {a: arrays[s] for a, s in self._call.slots.items() if s in arrays}
        for arg, option in self._call.options.items():
            if option == "training":
                arguments[arg] = self._mode(arg, training)
            elif option in options:
                arguments[arg] = options[option]
        if self._state:
            arguments[self._state] = arrays["h"], arrays["c"]
        # By position: a wrapper may have other names.
        order = list(arguments) if self._bare else [p.name for p in handed_to(self._cls, self._forward)]
        positional = [arguments[n] for n in order if n in arguments]
        leading = order[: len(positional)] == [n for n in order if n in arguments]
        call = getattr(thing, self._forward)
        return call(*positional) if leading else call(**arguments)

    def _cache(self, out: Any) -> tuple[Any, ...]:
        """Return what forward gave beside its output for backward to be handed, where it does that."""
        required = [p for p in self._back if p.default is p.empty]
        if isinstance(out, tuple) and len(out) == 2 and len(required) == 2 and not self._kind.loss:
            return out[1:] if len(self._kind.outputs) == 1 else ()
        return ()

    def _outputs(self, out: Any) -> tuple[Any, ...]:
        """Return what forward gave: of a loss that returns more than one thing, the one that is a number."""
        if not isinstance(out, tuple):
            return (out,)
        if self._kind.beside and len(out) == len(self._kind.outputs) + 1:
            self.beside = self._kind.beside
            return out[:-1]
        if self._kind.loss and len(out) > 1:
            numbers = [y for y in out if isinstance(y, float) or (is_array(y) and np.size(y) == 1)]
            if len(numbers) == 1:
                return (numbers[0],)
            if len(numbers) > 1:
                raise Cannot(
                    f"its {self._forward} returns {len(numbers)} numbers: which is the loss is not known",
                    "return the loss alone",
                )
        return tuple(out)

    def _set_mode(self, thing: Any, *, training: bool) -> None:
        if self._switch == "eval":
            thing.train() if training else thing.eval()
        elif self._switch:
            setattr(thing, self._switch, self._mode(self._switch, training))

    def _mode(self, name: str, training: bool) -> bool | str:
        """Return what a flag of this name is set to."""
        if self._mode_words:
            return "train" if training else "test"
        return training != names.says_evaluation(name)

    def _put_state(self, thing: Any, arrays: Mapping[str, Array]) -> dict[str, Place]:
        found: dict[str, Place] = {}
        for slot in self._kind.state:
            if slot not in arrays:
                continue
            for place in places(thing):
                if names.slot_named(place.name, (slot,)) == slot and not isinstance(place.get(), float | int):
                    if len(names.plain(place.name)) < 5:  # `mean` and `var` alone are what forward keeps
                        continue
                    value, kept = arrays[slot].copy(), place.get()
                    same = isinstance(kept, np.ndarray) and kept.size == value.size
                    place.put(value.reshape(kept.shape) if same else value)
                    found[slot] = place
        return found

    def _run_back(
        self, thing: Any, where: dict[str, list[Place]], arrays: Mapping[str, Array],
        outputs: tuple[Any, ...], cotangents: tuple[Array, ...], cache: tuple[Any, ...],
        flags: Mapping[str, Any], options: Mapping[str, Any], form: Form,
    ) -> Gradients:  # fmt: skip
        params = self._own_params(arrays)
        rate, arguments = 0.0, self._back_arguments(thing, arrays, outputs, cotangents, cache)
        if isinstance(arguments, tuple):
            rate, given = arguments
        else:
            given = arguments
        own = self._own_rate_of(thing) if not rate else None
        before = {s: np.array(where[s][0].get(), copy=True) for s in params if s in where}
        held = {s: where[s][0].get() for s in params if s in where}
        self._optimizer.kept.clear()
        if own is not None and self._updates:
            rate = rate_for(
                cotangents, max((float(np.abs(b).max(initial=0)) for b in before.values()), default=1.0)
            )
            setattr(thing, own, rate)
        try:
            returned = getattr(thing, self._backward)(*given, **flags)
        except AttributeError as error:
            if error.obj is thing and f"self.{error.name} =" in text_of(self._cls.__call__):
                raise Cannot(
                    f"its {self._backward} needs self.{error.name}, which its __call__ sets "
                    f"and its {self._forward} does not",
                    f"let {self._forward} keep what {self._backward} needs",
                ) from error
            raise
        if self.local:
            first = arrays[self._inputs[0]]
            local = as_pytorch_has_it(
                self._kind.name, np.asarray(returned), first, options, form, self.conventions
            )
            returned = np.asarray(cotangents[0] * local, dtype=first.dtype)  # the product is ours
        if all(s in self._kind.fixed for s in self._inputs) and isinstance(returned, np.ndarray):
            kept = [kept_of(thing, s, where.get(s, []), n, self._kind)[0] for n, s in enumerate(params)]
            returned = None if any(k is not None for k in kept) else returned  # dx of what has no derivative
        shapes = {s: arrays[s].shape for s in params}
        grads = of_returned(returned, thing, self._kind, self._inputs, shapes)
        if form.options.get("alone"):
            rows = of_vectors(grads, {s: arrays[s] for s in self._inputs if s in arrays})
            words = f"one sample is a vector, its gradient a row (1, D): that of {', '.join(rows)}"
            if rows and words not in self.notes:
                self.notes.append(words)
        for position, slot in enumerate(params):
            if slot in grads:
                continue
            gradient = self._optimizer.of(held.get(slot), before[slot].shape) if slot in held else None
            if gradient is None:
                gradient, words = kept_of(thing, slot, where.get(slot, []), position, self._kind)
                if words and words not in self.notes and not self._gathered:
                    self.notes.append(words)
            if gradient is None and slot in where and (rate or own):
                step = rate or float(getattr(thing, own or "lr"))
                gradient = self._stepped(before[slot], where[slot][0].get(), step)
            if gradient is not None:
                grads[slot] = gradient
        self._last = thing, where, arrays
        # What the object keeps is its own and may be written to again: copies, the same for the same.
        copies: dict[int, Any] = {}
        for slot in params:
            if slot in grads and isinstance(grads[slot], np.ndarray):
                grads[slot] = copies.setdefault(id(grads[slot]), grads[slot].copy())
        return grads

    def _stepped(self, before: Array, after: Any, rate: float) -> Array | None:
        """Return the gradient of a parameter that backward updates itself, None where it never did."""
        if not isinstance(after, np.ndarray):
            return None
        if after.shape != before.shape:
            self.outgrown = True
        elif (after != before).any() and not self._updates:
            self._updates = True
            self.notes.append(
                "backward updates the parameters itself: the gradient is the step over its rate"
            )
        return ((before - after) / before.dtype.type(rate)).astype(before.dtype) if self._updates else None

    def strangers(self) -> set[str]:
        """Return the names of parameters that the kind has not: the last object keeps a gradient of each."""
        return strangers(*self._last, self._kind) if self._last is not None else set()

    def _own_rate_of(self, thing: Any) -> str | None:
        for name in ("lr", "learning_rate", "eta", "alpha"):
            if isinstance(getattr(thing, name, None), float | int) and self._kind.params:
                return name
        return None

    def _back_arguments(
        self, thing: Any, arrays: Mapping[str, Array], outputs: tuple[Any, ...],
        cotangents: tuple[Array, ...], cache: tuple[Any, ...],
    ) -> Any:  # fmt: skip
        """Return what backward is handed; with a learning rate, a pair of the rate and that."""
        handed = [as_given(dy, y) for dy, y in zip(cotangents, outputs, strict=False)]
        if cache:
            return [*handed, *cache]
        if not self._back:
            return handed if takes_anything(getattr(self._cls, self._backward)) else []
        if self.local:
            return [outputs[0] if self.of_output else arrays[self._inputs[0]]]
        rate_at = [i for i, p in enumerate(self._back) if names.plain(p.name) in names.RATES and i]
        rate = rate_for(cotangents, 1.0) if rate_at else 0.0
        wanted = [
            p for i, p in enumerate(self._back) if i in rate_at or p.default is p.empty or i < len(handed)
        ]
        named = [p for p in wanted if self._back.index(p) not in rate_at]
        forwards = handed_to(self._cls, self._forward)
        first = forwards[0].name if forwards else ""
        held = with_predictions(thing, arrays, named, self._kind, first)
        given = assigned(named, handed, outputs, held, self._kind, self._inputs, self._call.slots)
        for place in rate_at:
            given.insert(min(place, len(given)), rate)
        return (rate, given) if rate_at else given


def _as(value: Any, given: Array) -> Any:
    """Return statistics in the shape in which they were given: an object may keep them as (1, C, 1, 1)."""
    return value.reshape(given.shape) if value.size == given.size else value


def factory(cls: type) -> Callable[[Kind], ObjectDriver]:
    """Return what drives a class as a kind."""
    return lambda kind: ObjectDriver(joined_class(cls, kind), kind)


def factory_in_tensors(cls: type) -> Callable[[Kind], ObjectDriver] | None:
    """Return what drives a class that may compute with torch's tensors, None where its file has no torch."""
    passes = methods(cls)
    if passes is None or not uses_torch(getattr(cls, passes[0])):
        return None
    if gradient := kept_on_tensors(cls):
        return lambda kind: ObjectDriver(class_of_arrays(cls, passes, gradient, random=kind.random), kind)
    return lambda kind: ObjectDriver(class_in_tensors(cls, passes, random=kind.random), kind)
