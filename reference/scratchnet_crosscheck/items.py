"""One test item for each check of a thing: what a test file imports, and the same without pytest."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from types import FrameType

    import pytest

    from .run import Plan, Profile, Result
    from .thing import Thing

#: What a thing is held against unless it is said otherwise. JAX compiles anew for every shape: on request.
ORACLES = ("torch", "golden")
#: The attribute by which the plugin knows a test function that wants checks.
MARK = "__crosscheck__"

T = TypeVar("T", bound=Callable[..., Any])


@dataclass(frozen=True)
class Asked:
    """What a test file asked for: things and how they are to be checked."""

    things: tuple[Thing, ...]
    expected: Mapping[str, str | Mapping[str, str]]
    skip: frozenset[str]
    settings: Mapping[str, Any]
    argument: str

    def reason(self, thing: str, check: str) -> str:
        """Return why a check of a thing is expected to fail; "" where it is not."""
        of_thing, of_all = self.expected.get(thing, {}), self.expected.get(check, "")
        found = "" if isinstance(of_thing, str) else of_thing.get(check, "")
        return found or (of_all if isinstance(of_all, str) else "")


@dataclass
class Check:
    """One check of one thing: a test item. Called, it runs, and fails or skips the test that calls it."""

    thing: Thing
    plan: Plan
    profile: str | Profile
    seed: int
    expected: str = ""
    oracles: Sequence[str] = ()
    result: Result | None = None
    reasons: tuple[tuple[str, str], ...] = ()
    told: Callable[[int], None] | None = None

    def watched_by(self, told: Callable[[str, str, int], None]) -> None:
        """Let `told` be called with the thing, the check and the number of cases, while it runs."""
        self.told = partial(told, self.thing.name, self.plan.words)

    @property
    def id(self) -> str:
        """The item's name: check, oracle, and dtype where precision is a verdict of its own."""
        precise = self.plan.check is not None and self.plan.check.precision
        oracle = self.plan.oracle if self.plan.needs_oracle else ""
        parts = (self.plan.name, oracle, self.plan.dtypes[0] if precise else "")
        return "-".join(part for part in parts if part)

    def run(self, told: Callable[[int], None] | None = None) -> Result:
        """Run the check; return and keep what it came to. `told` is called with the number of cases tried."""
        import warnings

        from . import checking

        self.result, self.reasons = None, ()

        # What a layer warns of is no verdict, and must not become one under the user's -W error.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.result, self.reasons = checking.check(
                self.thing, self.plan, profile=self.profile, seed=self.seed, oracles=self.oracles, told=told
            )
        return self.result

    def __call__(self) -> None:
        """Run the check inside a test: fail where it does not hold, skip where it says nothing."""
        import pytest

        from .report.words import lines_of

        self.run(self.told)
        found = self.record()
        if found is None:
            return
        verdict = found["verdict"]
        if verdict in ("failed", "not_checked"):
            pytest.fail("\n".join(lines_of(found, "--crosscheck-seed=")), pytrace=False)
        if verdict != "passed":
            pytest.skip(f"{verdict.replace('_', ' ')}: {found['message']}")

    def record(self) -> dict[str, Any] | None:
        """Return what it came to as plain values, or None where it did not run to its end."""
        if self.result is None:
            return None
        from .report.records import of_result

        return of_result(self.result, self.thing.file, self.expected, self.reasons)

    def __repr__(self) -> str:
        """Return the check in words."""
        return f"<{self.thing.name}: {self.plan.words}>"


@dataclass(frozen=True)
class Remark:
    """What is said of a thing once, and is no check: a convention it follows, what of it is not checked."""

    thing: Thing
    key: str
    verdict: str
    words: str
    seed: int

    def __call__(self) -> None:
        """Skip the test that calls it, with what there is to say."""
        import pytest

        pytest.skip(f"{self.verdict.replace('_', ' ')}: {self.words}")

    def watched_by(self, told: Callable[[str, str, int], None]) -> None:
        """Do nothing: it does not run."""

    def record(self) -> dict[str, Any]:
        """Return it as plain values."""
        from .report.records import record

        thing = self.thing
        return record(
            thing.file, thing.name, thing.entry.name, self.key, self.verdict, message=self.words,
            seed=self.seed,
        )  # fmt: skip


def _things(
    op: Any, like: str | Mapping[str, str] | None, reference: Any, inputs: Any, framework: str | None
) -> tuple[Thing, ...]:
    from .own import known, name_of, own

    if inputs is not None:
        if like is not None:
            raise TypeError("crosscheck: like= and inputs= exclude each other: what is known draws its own")
        return (own(op, inputs, reference, framework),)
    if reference is not None:
        raise TypeError("crosscheck: a reference= needs inputs=, a strategy that draws its arguments")
    ops = tuple(op) if isinstance(op, (list, tuple)) else (op,)
    if isinstance(like, Mapping):
        return tuple(known(one, like.get(name_of(one))) for one in ops)
    return tuple(known(one, like) for one in ops)


def _known_checks(names: Iterable[str], argument: str) -> None:
    from .checking import known_checks

    there = known_checks()
    for name in names:
        if name not in there:
            raise ValueError(f"crosscheck: {argument} names {name!r}; the checks are {', '.join(there)}")


def _warn_of_unmet(expected: Mapping[str, str | Mapping[str, str]], things: Sequence[Thing]) -> None:
    """Warn of failures that are expected where there is nothing to fail."""
    import warnings

    from .checking import known_checks

    checks, layers = known_checks(), [thing.name for thing in things]
    for name, what in expected.items():
        unmet = [name] if isinstance(what, str) and name not in checks else []
        if not isinstance(what, str):
            unmet = [name] if name not in layers else [check for check in what if check not in checks]
        for one in unmet:
            warnings.warn(
                f"crosscheck: expected_failures names {one!r}; the layers are {', '.join(layers)}, "
                f"the checks {', '.join(checks)}",
                stacklevel=4,
            )


def _asked(
    op: Any,
    *,
    like: str | Mapping[str, str] | None,
    reference: Any,
    inputs: Any,
    framework: str | None,
    expected_failures: Mapping[str, str | Mapping[str, str]] | None,
    skip: Iterable[str],
    settings: Mapping[str, Any],
    argument: str = "check",
) -> Asked:
    expected, skipped = dict(expected_failures or {}), frozenset(skip)
    _known_checks(skipped, "skip")
    profile = settings.get("profile")
    if profile is not None:
        _known_profile(profile, "profile")
    things = _things(op, like, reference, inputs, framework)
    _warn_of_unmet(expected, things)
    return Asked(things, expected, skipped, {k: v for k, v in settings.items() if v is not None}, argument)


def _known_profile(profile: Any, argument: str) -> None:
    from .run import PROFILES, Profile

    if not isinstance(profile, Profile) and profile not in PROFILES:
        raise ValueError(f"crosscheck: {argument} must be one of {', '.join(PROFILES)}; got {profile!r}")


def crosscheck(
    op: Any,
    *,
    like: str | None = None,
    reference: Callable[..., Any] | None = None,
    inputs: Any = None,
    framework: str | None = None,
    oracles: Sequence[str] | None = None,
    profile: str | None = None,
    seed: int | None = None,
    expected_failures: Mapping[str, str | Mapping[str, str]] | None = None,
    skip: Iterable[str] = (),
) -> Callable[..., None]:
    """Return a test function that pytest runs once for each check of `op`.

    Parameters
    ----------
    op : callable or class
        A function of the value-and-pullback convention, or a class whose convention is known.
    like : str, optional
        The operation it is meant to be, by torch.nn.functional's name; the thing's own name by default.
    reference : callable, optional
        For an operation of one's own: a PyTorch, JAX or NumPy function of the same arrays. Without one it is
        held against numerical differentiation and the structural properties alone.
    inputs : hypothesis strategy, optional
        For an operation of one's own: draws its arguments, as a tuple or as a dict by name.
    framework : {"torch", "jax", "numpy"}, optional
        Whose function `reference` is, where that cannot be seen.
    oracles : sequence of str, optional
        What it is held against: "torch", "golden", "jax". Outranks the marker, the command line and the ini
        file, as `profile` and `seed` do.
    profile : {"quick", "default", "thorough"}, optional
        How much is tried.
    seed : int, optional
        Of all that is drawn.
    expected_failures : mapping, optional
        Checks that are known to fail, each with the reason; by layer where several are checked:
        ``{"Affine": {"results_share_no_memory": "returns a view"}}``. A name that is none is a warning.
    skip : iterable of str
        Checks to leave out.

    Examples
    --------
    >>> from scratchnet.functional import linear
    >>> test_linear = crosscheck(linear)
    """
    asked = _asked(
        op,
        like=like,
        reference=reference,
        inputs=inputs,
        framework=framework,
        expected_failures=expected_failures,
        skip=skip,
        settings={"oracles": oracles, "profile": profile, "seed": seed},
    )

    def test(check: Check) -> None:
        check()

    return _as_written_at(sys._getframe(1), test, asked)


def _as_written_at(caller: FrameType, test: Any, asked: Asked) -> Callable[..., None]:
    """Let the test function stand where it was asked for: reports and tracebacks name the user's line."""
    test.__code__ = test.__code__.replace(
        co_filename=caller.f_code.co_filename, co_firstlineno=caller.f_lineno
    )
    test.__module__ = caller.f_globals.get("__name__", __name__)
    test.__doc__ = f"Cross-check {', '.join(thing.name for thing in asked.things)}."
    setattr(test, MARK, asked)
    function: Callable[..., None] = test
    return function


def parametrize_with_checks(
    ops: Any,
    *,
    like: str | Mapping[str, str] | None = None,
    oracles: Sequence[str] | None = None,
    profile: str | None = None,
    seed: int | None = None,
    expected_failures: Mapping[str, str | Mapping[str, str]] | None = None,
    skip: Iterable[str] = (),
    argument: str = "check",
) -> Callable[[T], T]:
    """Decorate a test function that takes ``check``, to be run once for each check of each thing.

    Parameters
    ----------
    ops : callable or sequence of callables
        The things to check.
    like : str or mapping of str to str, optional
        What they are meant to be: one name for all, or by the things' names.
    oracles, profile, seed, expected_failures, skip :
        As for `crosscheck`.
    argument : str
        The name of the test function's argument that the check is handed to.

    Examples
    --------
    >>> from scratchnet.functional import linear, relu
    >>> @parametrize_with_checks([linear, relu])
    ... def test_layers(check):
    ...     check()
    """
    asked = _asked(
        ops,
        like=like,
        reference=None,
        inputs=None,
        framework=None,
        expected_failures=expected_failures,
        skip=skip,
        settings={"oracles": oracles, "profile": profile, "seed": seed},
        argument=argument,
    )

    def decorated(test: T) -> T:
        setattr(test, MARK, asked)
        return test

    return decorated


def check(
    op: Any,
    *,
    like: str | Mapping[str, str] | None = None,
    reference: Callable[..., Any] | None = None,
    inputs: Any = None,
    framework: str | None = None,
    oracles: Sequence[str] = ORACLES,
    profile: str = "default",
    seed: int | None = None,
    skip: Iterable[str] = (),
) -> list[Result]:
    """Run every check of `op` without pytest, and return what each came to.

    The arguments are those of `crosscheck`.

    Examples
    --------
    >>> from scratchnet.functional import relu
    >>> results = check(relu, oracles=(), profile="quick", seed=1)
    >>> {result.verdict for result in results}
    {'passed'}
    """
    asked = _asked(
        op,
        like=like,
        reference=reference,
        inputs=inputs,
        framework=framework,
        expected_failures=None,
        skip=skip,
        settings={"profile": profile},
    )
    drawn = random.SystemRandom().randrange(2**32) if seed is None else seed
    return [item.run() for item in items(asked, oracles, profile, drawn)]


def items(
    asked: Asked, oracles: Sequence[str], profile: str | Profile, seed: int, skip: Iterable[str] = ()
) -> list[Check]:
    """Return the checks that were asked for, in order."""
    from .checking import judges_of, plans_of

    return [
        Check(thing, plan, profile, seed, asked.reason(thing.name, plan.name), judges_of(thing, oracles))
        for thing in asked.things
        for plan in plans_of(thing, oracles, asked.skip | set(skip))
    ]


def parametrize(metafunc: pytest.Metafunc, asked: Asked, settings: Mapping[str, Any]) -> None:
    """Give the test function one parameter set for each check; `settings` are those of the run.

    An argument outranks a marker, a marker what the run has been told.
    """
    import pytest

    chosen = dict(settings)
    for marker in reversed(list(metafunc.definition.iter_markers("crosscheck"))):
        chosen.update(marker.kwargs)
    chosen.update(asked.settings)
    _known_profile(chosen["profile"], "profile")
    several = len(asked.things) > 1
    found = items(asked, chosen["oracles"], chosen["profile"], chosen["seed"], chosen["skip"])
    sets = [
        pytest.param(
            item,
            id=f"{item.thing.name}-{item.id}" if several else item.id,
            marks=[pytest.mark.xfail(reason=item.expected)] if item.expected else (),
        )
        for item in found
    ]
    for thing in asked.things:
        for key, verdict, words in thing.remarks:
            remark = Remark(thing, key, verdict, words, chosen["seed"])
            name = f"{verdict}-{key}"
            sets.append(pytest.param(remark, id=f"{thing.name}-{name}" if several else name))
    metafunc.parametrize(asked.argument, sets)
