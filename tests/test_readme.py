"""The README's commands do what it says, as written, in a clone in an empty folder."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8") if (ROOT / "README.md").exists() else ""


def _commands():
    """Return the README's shell commands, each a line of an ``sh`` block."""
    blocks = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def test_continuous_integration_calls_the_readmes_test_command():
    (command,) = [line for line in _commands() if "tox" in line]
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_the_examples_in_python_run():
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


@pytest.mark.readme
@pytest.mark.skipif(shutil.which("git") is None, reason="needs git to clone")
def test_the_training_command_works_in_a_fresh_clone(tmp_path):
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(tmp_path / "scratchnet")], check=True)
    (command,) = [line for line in _commands() if "scratchnet train" in line and "venv" in line]
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    clean.update({name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))})
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path / "scratchnet",
        env=clean,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdict: backpropagation is right" in done.stdout
    last = [line for line in done.stdout.splitlines() if line.startswith("trained 10000 of 10000 steps")]
    assert float(last[0].split()[-1].rstrip("%")) >= 97.0
