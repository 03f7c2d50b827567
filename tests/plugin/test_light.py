"""A run that does not use the plugin pays nothing to speak of."""

HEAVY = ("numpy", "hypothesis", "torch", "jax", "scratchnet", "jinja2")
# Looks when everything is over, the summary included.
SPY = f"""
import atexit, sys

def look():
    found = sorted(m for m in {HEAVY!r} if m in sys.modules)
    print("at the end:", found, "plugin:", "scratchnet_crosscheck.plugin" in sys.modules)

atexit.register(look)
"""
PLAIN = {
    "test_plain.py": "def test_plain():\n    pass\n\ndef test_fails():\n    assert False\n",
    "conftest.py": SPY,
}


def test_nothing_heavy_is_loaded_from_start_to_end(project):
    # Other plugins are kept out: Hypothesis's own loads what it likes.
    done = project(PLAIN)
    assert done.lines("1 failed, 1 passed")
    assert done.lines("at the end: [] plugin: True"), done.text


def test_the_look_at_the_end_sees_what_is_loaded_in_the_summary(project):
    loads = SPY + "\ndef pytest_terminal_summary():\n    import numpy\n"
    done = project(PLAIN | {"conftest.py": loads})
    assert done.lines("at the end: ['numpy'] plugin: True"), done.text


def test_a_run_that_uses_it_loads_no_framework_it_was_not_asked_for(project, line):
    files = line('crosscheck(layers.my_relu, like="relu")') | {"conftest.py": SPY}
    done = project(files, "-k", "inputs_are")
    assert done.lines("at the end: ['hypothesis', 'numpy', 'scratchnet'] plugin: True"), done.text


def test_the_plugin_is_found_by_its_entry_point(project):
    done = project({}, "--help", plugins=None)
    assert "--crosscheck-profile" in done.text


def test_importing_the_plugin_costs_less_than_20_ms(project):
    times = """
import subprocess, sys, time

def cpu(code):
    best = 9.0
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", TEMPLATE.format(code)], capture_output=True, text=True)
        best = min(best, float(done.stdout))
    return best

TEMPLATE = (
    "import pytest, json, importlib.metadata, time; t = time.process_time(); {}; "
    "print(time.process_time() - t)"
)
print("ms:", 1000 * cpu("import scratchnet_crosscheck.plugin"))
"""
    done = project({"times.py": times}, python=("times.py",))
    (line,) = done.lines("ms:")
    assert float(line.split()[1]) < 20, line
