"""A run that does not use the plugin pays nothing to speak of."""

import pytest

pytestmark = pytest.mark.draft


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


def test_nothing_heavy_is_loaded_from_start_to_end(project, plugin_name):
    # Other plugins are kept out: Hypothesis's own loads what it likes.
    done = project(PLAIN, "-p", plugin_name, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert done.lines("1 failed, 1 passed")
    assert done.lines("at the end: [] plugin: True"), done.text


def test_the_look_at_the_end_sees_what_is_loaded_in_the_summary(project, plugin_name):
    loads = SPY + "\ndef pytest_terminal_summary():\n    import numpy\n"
    done = project(PLAIN | {"conftest.py": loads}, "-p", plugin_name, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert done.lines("at the end: ['numpy'] plugin: True"), done.text


def test_a_run_that_uses_it_loads_no_framework_it_was_not_asked_for(project, line, plugin_name):
    files = line('crosscheck(layers.my_relu, like="relu")') | {"conftest.py": SPY}
    done = project(files, "-p", plugin_name, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert done.lines("at the end: ['hypothesis', 'numpy', 'scratchnet'] plugin: True"), done.text
