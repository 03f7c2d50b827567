"""Mutation testing of scratchnet.functional: are its tests able to fail?

    python tests/quality/mutation.py linear activation

mutmut changes one operator, number, argument or word of a module at a time, and the family's tests are run
against each such mutant. One that they do not notice has survived: it needs a better test, or an entry in
`equivalent_mutants/<family>.txt` that says why it behaves as the original does. The command fails where a
mutant survives that is not listed there, and where one is listed that is gone or noticed.

What is run is `tests/functional/test_<family>.py`, those named after it and what FAMILIES adds, at few cases
with a fixed seed: what kills a mutant here kills it at the default number of cases too. mutmut makes the
mutants; they are run by `mutation_run.py`, beside this file.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TABLES = HERE / "equivalent_mutants"

#: Of each family, what its name does not tell: further modules to change, and further tests to run.
FAMILIES = {
    "linear": (("shapes",), ("sums",)),
    "activation": (
        ("bits", "elementwise", "erf", "softmax_fast", "buffers", "quiet"),
        ("bits", "loss_bodies", "quiet"),
    ),
    "loss": ((), ("activation", "activation_softmax")),
    "ctc": ((), ()),
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

#: Words in the names of tests that are not run: JAX compiles anew for every shape, which takes too long, and
#: PyTorch judges the same; and which line a warning names is hidden by mutmut's own calls.
LEFT_OUT = ("jax", "without_a_dim_warns")

#: What is no survival: the tests failed, took far too long, or the mutant brought the process down.
NOTICED = ("killed", "timeout", "crashed")


@dataclass(frozen=True)
class Change:
    """What a mutant changes, told by its text: numbers move when a function is edited, this does not."""

    where: str
    before: str
    after: str

    def __str__(self) -> str:
        """Return the change as the table has it."""
        return f"{self.where}\n- {self.before}\n+ {self.after}"


def listed(folder: Path = TABLES) -> dict[Change, str]:
    """Read the tables of equivalent mutants: entries parted by empty lines, `#` for comments.

    ``module.function``, ``- the line``, ``+ the line as the mutant has it``, ``= why it is the same``.
    Several `+` are several mutants with one reason; ``+ *`` is every change of that line.
    """
    found: dict[Change, str] = {}
    for table in sorted(folder.glob("*.txt")):
        for block in re.split(r"\n\s*\n", table.read_text(encoding="utf-8")):
            lines = [line.rstrip() for line in block.splitlines() if line.strip() and line[0] != "#"]
            if not lines:
                continue
            where, marked = lines[0], [(line[0], " ".join(line[1:].split())) for line in lines[1:]]
            befores, afters, reasons = ([text for mark, text in marked if mark == m] for m in "-+=")
            if len(befores) != 1 or not afters or not reasons:
                raise ValueError(
                    f"{table.name}: {where} needs one line with -, one or more with +, and one with ="
                )
            for after in afters:
                found[Change(where, befores[0], after)] = " ".join(reasons)
    return found


def entry_of(change: Change, known: Iterable[Change]) -> Change | None:
    """Return the entry of the table that has a change, or None."""
    every = Change(change.where, change.before, "*")
    return next((entry for entry in (change, every) if entry in known), None)


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


def without_caches(source: str) -> str:
    """Return a module without its functions' caches: mutmut changes no function that has a decorator."""
    return re.sub(r"^@(functools\.)?(lru_)?cache(\(.*\))?\n", "", source, flags=re.MULTILINE)


def make_mutants(path: Path) -> dict[str, Change]:
    """Write the mutants of a module into it, chosen by an environment variable; return what each changes."""
    from mutmut.mutation.file_mutation import mutate_file_contents

    made = mutate_file_contents(str(path), without_caches(path.read_text(encoding="utf-8")))
    path.write_text(made.code, encoding="utf-8")
    lines = made.code.splitlines()
    bodies = {
        node.name: [line.rstrip() for line in lines[node.lineno - 1 : node.end_lineno]]
        for node in ast.walk(ast.parse(made.code))
        if isinstance(node, ast.FunctionDef) and "__mutmut" in node.name
    }
    changes = {}
    for name in made.mutant_names:
        mangled = name.rpartition("__mutmut_")[0]
        where = mangled.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
        before, after = (
            [line.replace(full, "") for line in bodies[full]] for full in (f"{mangled}__mutmut_orig", name)
        )
        told = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
        sides = (
            " ".join(" ".join(line[1:] for line in told if line.startswith(mark)).split()) for mark in "-+"
        )
        changes[f"scratchnet.functional.{path.stem}.{name}"] = Change(f"{path.stem[1:]}.{where}", *sides)
    return changes


def furnish(work: Path, modules: tuple[str, ...]) -> dict[str, Change]:
    """Lay out in `work` what is changed and run, and return the mutants."""
    leave = shutil.ignore_patterns("__pycache__")
    for folder in ("scratchnet", "reference", "tests/functional"):
        shutil.rmtree(work / folder, ignore_errors=True)
        shutil.copytree(ROOT / folder, work / folder, ignore=leave)
    shutil.copy(ROOT / "pyproject.toml", work)
    (work / "setup.cfg").write_text("[mutmut]\nsource_paths = scratchnet\n", encoding="utf-8")
    mutants: dict[str, Change] = {}
    with contextlib.chdir(work):  # where mutmut looks for its settings
        for module in modules:
            mutants |= make_mutants(Path(f"scratchnet/functional/_{module}.py"))
    return mutants


def run(work: Path, mutants: list[str], tests: tuple[str, ...], children: int, seconds: float) -> None:
    """Run the tests against the mutants; what becomes of each is appended to outcomes.jsonl."""
    (work / "mutants.json").write_text(json.dumps(mutants), encoding="utf-8")
    files = [f"tests/functional/test_{name}.py" for name in tests]
    command = [
        sys.executable, "-m", "pytest", "-pmutation_run", "-pno:cacheprovider", "-q", "--no-header",
        "--hypothesis-seed=0", "--hypothesis-profile=few",
        "--tb=native",  # for another, pytest parses the module with all its mutants
        f"-k{' and '.join(f'not {word}' for word in LEFT_OUT)}",
        *(file for file in files if (work / file).exists()),
    ]  # fmt: skip
    paths = [str(work), str(work / "reference"), str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    settings = {
        "PYTHONPATH": os.pathsep.join(paths),
        "SCRATCHNET_FEW_CASES": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MUTATION_CHILDREN": str(children),
        "MUTATION_SECONDS": str(seconds),
    }
    with (work / "log.txt").open("w", encoding="utf-8") as log:
        done = subprocess.run(
            command, cwd=work, env={**os.environ, **settings}, stdout=log, stderr=log, check=False
        )
    if done.returncode:
        tail = (work / "log.txt").read_text(encoding="utf-8")[-4000:]
        raise SystemExit(f"the run of mutants ended with {done.returncode}:\n{tail}")


def outcomes(work: Path) -> dict[tuple[str, str], str]:
    """Return what became of each mutant that was run, by its name and its change."""
    path = work / "outcomes.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    records = [json.loads(line) for line in lines]
    return {(record["mutant"], record["change"]): record["outcome"] for record in records}


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


def check(family: str, work: Path, given: argparse.Namespace) -> bool:
    """Run the mutants of one family, print what became of them, and return whether all is accounted for."""
    modules = modules_of(family)
    start = time.monotonic()
    work.mkdir(parents=True, exist_ok=True)
    mutants = furnish(work, modules)
    (work / "changes.json").write_text(
        json.dumps({name: str(change) for name, change in mutants.items()}), encoding="utf-8"
    )
    known = {entry: why for entry, why in listed().items() if entry.where.split(".")[0] in modules}
    entries = {name: entry_of(change, known) for name, change in mutants.items()}
    had = outcomes(work)
    asked = [
        name
        for name, change in mutants.items()
        if had.get((name, str(change))) not in NOTICED
        and not is_wording(change)
        and (given.listed_too or entries[name] is None)
    ]
    if asked:
        run(work, asked, tests_of(family), given.children, given.seconds)
    found = outcomes(work)
    count: Counter[str] = Counter()
    unknown: list[tuple[str, str, Change]] = []
    needless = {str(entry) for entry in known.keys() - set(entries.values())}
    for name, change in mutants.items():
        outcome, entry = found.get((name, str(change)), "survived"), entries[name]
        if outcome in NOTICED:
            count["killed"] += 1
            if entry == change:
                needless.add(str(entry))
        elif entry is not None:
            count["equivalent"] += 1
        elif is_wording(change):
            count["wording of a message"] += 1
        else:
            count["unaccounted for"] += 1
            unknown.append((name, outcome, change))
    told = ", ".join(f"{number} {what}" for what, number in sorted(count.items()))
    minutes = (time.monotonic() - start) / 60
    print(f"{family}: {len(mutants)} mutants, {len(asked)} of them run in {minutes:.1f} min: {told}")
    for name, outcome, change in unknown:
        print(f"\n# {outcome}: {name}\n{change}")
    for text in sorted(needless):
        print(f"\nlisted as equivalent, but gone or killed:\n{text}")
    return not unknown and not needless and bool(mutants)


def main() -> int:
    """Run the families named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("families", nargs="*", help=f"of {', '.join(FAMILIES)}; all by default")
    parser.add_argument("--children", type=int, default=1, help="mutants run at a time")
    parser.add_argument(
        "--seconds", type=float, default=float("inf"),
        help="processor seconds a mutant is tried for at most: for a first look",
    )  # fmt: skip
    parser.add_argument(
        "--listed-too", action="store_true", help="run those that are listed as equivalent as well"
    )
    parser.add_argument(
        "--work", type=Path,
        help="where to work, instead of a temporary folder; is left there, and gone on with the next time",
    )  # fmt: skip
    given = parser.parse_args()
    unknown = set(given.families) - set(FAMILIES)
    if unknown:
        parser.error(f"no family is called {', '.join(sorted(unknown))}")
    lost = without_family()
    if lost:
        parser.error(f"in no family of FAMILIES: {', '.join(lost)}")
    fine = True
    with tempfile.TemporaryDirectory() as folder:
        for family in given.families or FAMILIES:
            fine &= check(family, (given.work or Path(folder)).resolve() / family, given)
            sys.stdout.flush()
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
