"""One table at the end of a benchmark run: a row of work, a column a contender, medians and ratios."""

import itertools
import statistics
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

COLUMNS = pytest.StashKey[dict]()


def pytest_configure(config):
    config.stash[COLUMNS] = {}


@pytest.fixture
def measure(benchmark, request):
    """Time a function; what is printed is the median of the rounds of all turns."""

    def measure(row, contender, function, rounds, iterations):
        benchmark.group = row
        benchmark.pedantic(function, rounds=rounds, iterations=iterations, warmup_rounds=1)
        table = request.config.stash[COLUMNS]
        table.setdefault(row, {}).setdefault(contender, []).extend(benchmark.stats.stats.data)

    return measure


def pytest_terminal_summary(terminalreporter, config):
    table = config.stash[COLUMNS]
    if not table:
        return
    write = terminalreporter.write_line
    terminalreporter.section("side by side: median of one call, and its ratio to PyTorch in the same dtype")
    ratios = {}
    for row, contenders in table.items():
        medians = {name: statistics.median(data) for name, data in contenders.items()}
        write(f"{row}")
        for name, median in medians.items():
            dtype = "float32" if name.endswith("float32") else "float64"
            base = medians.get(f"PyTorch {dtype}")
            data = sorted(contenders[name])
            low, high = data[len(data) // 4], data[-1 - len(data) // 4]
            ratio = f"{median / base:8.2f}" if base else " " * 8
            spread = f"(half within {_duration(low)} .. {_duration(high)})"
            write(f"    {name:20} {_duration(median)}  {ratio}   {spread}")
            if base and not name.startswith("PyTorch"):
                ratios.setdefault(_family(row), {}).setdefault(name, []).append(median / base)
    terminalreporter.section("geometric means of the ratios to PyTorch, and the largest")
    for family, contenders in ratios.items():
        means = [
            f"{name} {statistics.geometric_mean(each):.2f} ({max(each):.2f})"
            for name, each in contenders.items()
        ]
        write(f"{family:30} {len(next(iter(contenders.values())))} rows: {', '.join(means)}")


def _family(row):
    """Return a row's name without its sizes.

    >>> _family("tanh of 64"), _family("conv2d 8x3x16x16"), _family("interpolate bilinear 1x3@16->32")
    ('tanh', 'conv2d', 'interpolate bilinear')
    """
    first, *words = row.split()
    plain = itertools.takewhile(lambda word: not any(c.isdigit() for c in word), words)
    return " ".join([first, *(word for word in plain if word != "of")])


def _duration(seconds):
    for unit, size in (("s ", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:8.2f} {unit}"
    return f"{seconds / 1e-6:8.1f} us"
