"""Mutation testing of scratchnet.functional: are its tests able to fail?

    python tests/quality/mutation.py linear activation

mutmut changes one operator, number, argument or word of a module at a time, and the family's tests are run
against each such mutant. One that they do not notice has survived: it needs a better test, or a line in
`equivalent_mutants.txt` that says why it behaves as the original does. The command fails where a mutant
survives that is not listed there, and where one is listed that does not survive.

What is run is `tests/functional/test_<family>.py` and `test_<family>_bodies.py`, at few cases with a fixed
seed, so that a family takes minutes: what kills a mutant here kills it at the default number of cases too.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_name("equivalent_mutants.txt")

#: Of each family, what its name does not tell: further modules to change, and further tests to run.
FAMILIES = {
    "linear": (("shapes",), ("sums",)),
    "activation": (("bits", "elementwise", "erf"), ("bits", "loss_bodies")),
    "loss": (
        ("softmax_fast", "buffers", "ctc", "ctc_scaled"),
        ("activation", "activation_softmax", "ctc", "ctc_bodies"),
    ),
    "normalization": ((), ()),
    "reshape": ((), ()),
    "dropout": ((), ()),
    "pool": (("adaptive_pool", "lp_pool", "fractional_pool", "unpool", "places"), ()),
    "conv": (("windows", "fold"), ("sums", "fold")),
    "pad": ((), ()),
    "embedding": ((), ()),
    "distance": ((), ()),
    "interpolate": ((), ()),
    "grid": ((), ()),
    "shuffle": ((), ()),
}
NOTHING_TO_CHANGE = ("__init__", "_constants")

# What mutmut calls a mutant that the tests noticed: they failed, took far too long, or crashed.
NOTICED = ("killed", "timeout", "segfault", "caught by type check")


@dataclass(frozen=True)
class Change:
    """What a mutant changes, told by its text: numbers move when a function is edited, this does not."""

    where: str
    before: str
    after: str

    def __str__(self) -> str:
        """Return the change as the table has it."""
        return f"{self.where}\n- {self.before}\n+ {self.after}"


def listed(table: Path = TABLE) -> dict[Change, str]:
    """Read the table of equivalent mutants: entries parted by empty lines, `#` for comments.

    ``module.function``, ``- the line``, ``+ the line as the mutant has it``, ``= why it is the same``.
    Several `+` are several mutants with one reason.
    """
    found: dict[Change, str] = {}
    blocks = re.split(r"\n\s*\n", table.read_text(encoding="utf-8")) if table.exists() else []
    for block in blocks:
        lines = [line.rstrip() for line in block.splitlines() if line.strip() and not line.startswith("#")]
        if not lines:
            continue
        where, marked = lines[0], [(line[0], " ".join(line[1:].split())) for line in lines[1:]]
        befores = [text for mark, text in marked if mark == "-"]
        why = " ".join(text for mark, text in marked if mark == "=")
        afters = [text for mark, text in marked if mark == "+"]
        if len(befores) != 1 or not afters or not why:
            raise ValueError(
                f"{table.name}: {where} needs one line with -, one or more with +, and one with ="
            )
        for after in afters:
            found[Change(where, befores[0], after)] = why
    return found


def modules_of(family: str) -> tuple[str, ...]:
    """Return the modules of a family, without their underscore: its own, those named after it, and others."""
    own = sorted((ROOT / "scratchnet/functional").glob(f"_{family}_*.py"))
    return (family, *(path.stem[1:] for path in own), *FAMILIES[family][0])


def tests_of(family: str) -> tuple[str, ...]:
    """Return the tests of a family: its own, those named after it, and others."""
    own = sorted((ROOT / "tests/functional").glob(f"test_{family}_*.py"))
    return (family, *(path.stem.removeprefix("test_") for path in own), "defaults", *FAMILIES[family][1])


def without_family() -> list[str]:
    """Return the modules that no family has: they would never be changed."""
    has = {f"_{module}" for family in FAMILIES for module in modules_of(family)}
    there = {path.stem for path in (ROOT / "scratchnet/functional").glob("*.py")}
    return sorted(there - has - set(NOTHING_TO_CHANGE))


def furnish(work: Path, modules: tuple[str, ...], tests: tuple[str, ...]) -> None:
    """Lay out in `work` what mutmut mutates and runs."""
    leave = shutil.ignore_patterns("__pycache__")
    for folder in ("scratchnet", "reference", "tests/functional"):
        shutil.copytree(ROOT / folder, work / folder, ignore=leave)
    shutil.copy(ROOT / "pyproject.toml", work)
    files = [work / f"tests/functional/test_{name}.py" for name in tests]
    lines = {
        "source_paths": ["scratchnet"],
        "only_mutate": [f"scratchnet/functional/_{name}.py" for name in modules],
        "pytest_add_cli_args_test_selection": [str(f.relative_to(work)) for f in files if f.exists()],
        # JAX compiles anew for every shape, which is too slow here; PyTorch judges the same.
        "pytest_add_cli_args": [
            "-pno:cacheprovider",
            "--hypothesis-seed=0",
            "--hypothesis-profile=few",
            "-knot jax",
        ],
        "use_git_change_detection": ["false"],
        "track_dependencies": ["false"],
    }
    text = "[mutmut]\n" + "".join(
        f"{key} =\n" + "".join(f"    {value}\n" for value in values)
        if len(values) > 1
        else f"{key} = {values[0]}\n"
        for key, values in lines.items()
    )
    (work / "setup.cfg").write_text(text, encoding="utf-8")


def run(work: Path, children: int) -> None:
    """Run mutmut in `work`."""
    paths = [str(work / "reference"), *filter(None, [os.environ.get("PYTHONPATH")])]
    settings = {
        "PYTHONPATH": os.pathsep.join(paths),
        "SCRATCHNET_FEW_CASES": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(children)]
    with (work / "log.txt").open("w", encoding="utf-8") as log:
        done = subprocess.run(
            command, cwd=work, env={**os.environ, **settings}, stdout=log, stderr=log, check=False
        )
    if done.returncode:
        tail = (work / "log.txt").read_text(encoding="utf-8")[-4000:]
        raise SystemExit(f"mutmut ended with {done.returncode}:\n{tail}")


def outcomes(work: Path, module: str) -> dict[str, str]:
    """Return each mutant of a module and what became of it."""
    from mutmut.stats import status_by_exit_code

    meta = work / f"mutants/scratchnet/functional/_{module}.py.meta"
    codes: dict[str, int | None] = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    return {name: status_by_exit_code[code] for name, code in codes.items()}


def change(work: Path, mutant: str) -> Change:
    """Return what a mutant changes."""
    shown = subprocess.run(
        [sys.executable, "-m", "mutmut", "show", mutant],
        cwd=work, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    lines = [line for line in shown.splitlines() if not line.startswith(("---", "+++", "#", "@@"))]

    def side(mark: str) -> str:
        return " ".join(" ".join(line[1:] for line in lines if line.startswith(mark)).split())

    module, _, function = mutant.rpartition("__mutmut_")[0].rpartition(".")
    where = function.removeprefix("x_").replace("xǁ", "").replace("ǁ", ".")
    return Change(f"{module.rpartition('._')[2]}.{where}", side("-"), side("+"))


def is_wording(change: Change) -> bool:
    """Whether a mutant changes nothing but the prose of a message.

    Prose has spaces; what a message must say (function, argument, value, what was expected) is asserted by
    the tables of bad calls, and is no string with spaces.
    """
    quoted = re.compile(r'f?"[^"]*"')
    if quoted.sub('""', change.before) != quoted.sub('""', change.after):
        return False
    pairs = zip(quoted.findall(change.before), quoted.findall(change.after), strict=True)
    differ = [before for before, after in pairs if before != after]
    return bool(differ) and all(len(before.split()) > 2 for before in differ)


def check(family: str, work: Path, children: int) -> bool:
    """Run the mutants of one family, print what became of them, and return whether all is accounted for."""
    modules, tests = modules_of(family), tests_of(family)
    start = time.monotonic()
    furnish(work, modules, tests)
    run(work, children)
    minutes = (time.monotonic() - start) / 60
    known = {entry: why for entry, why in listed().items() if entry.where.split(".")[0] in modules}
    count: Counter[str] = Counter()
    met: set[Change] = set()
    unknown: list[tuple[str, str, Change]] = []
    for module in modules:
        for mutant, outcome in outcomes(work, module).items():
            if outcome in NOTICED:
                count["killed"] += 1
                continue
            found = change(work, mutant)
            if found in known:
                met.add(found)
                count["equivalent"] += 1
            elif outcome == "survived" and is_wording(found):
                count["wording of a message"] += 1
            else:
                count["unaccounted for"] += 1
                unknown.append((mutant, outcome, found))
    total = sum(count.values())
    told = ", ".join(f"{number} {what}" for what, number in sorted(count.items()))
    print(f"{family}: {total} mutants in {minutes:.1f} min: {told}")
    for mutant, outcome, found in unknown:
        print(f"\n# {outcome}: {mutant}\n{found}")
    needless = sorted(str(entry) for entry in known.keys() - met)
    for entry in needless:
        print(f"\nlisted as equivalent, but gone or killed:\n{entry}")
    return not unknown and not needless and total > 0


def main() -> int:
    """Run the families named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("families", nargs="*", help=f"of {', '.join(FAMILIES)}; all by default")
    parser.add_argument("--children", type=int, default=1, help="mutants run at a time")
    parser.add_argument(
        "--work", type=Path, help="where to work, instead of a temporary folder; is left there"
    )
    given = parser.parse_args()
    unknown = set(given.families) - set(FAMILIES)
    if unknown:
        parser.error(f"no family is called {', '.join(sorted(unknown))}")
    lost = without_family()
    if lost:
        parser.error(f"in no family of FAMILIES: {', '.join(lost)}")
    fine = True
    for family in given.families or FAMILIES:
        if given.work is not None:
            given.work.mkdir(parents=True, exist_ok=True)
            fine &= check(family, given.work.resolve() / family, given.children)
        else:
            with tempfile.TemporaryDirectory() as folder:
                fine &= check(family, Path(folder) / family, given.children)
        sys.stdout.flush()
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
