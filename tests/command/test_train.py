"""``scratchnet train``: what it prints and writes, that it repeats itself, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from scratchnet import serialization
from scratchnet.training import accuracy, multilayer_perceptron


def test_it_prints_a_line_an_epoch_and_learns(run, small_data):
    lines = run("train", "--data", small_data, "--steps", 10, "--batch", 75).stdout.splitlines()
    assert lines[0].startswith("16-50-10 network, float32: 10 steps, batches of 75 of 300 images")
    steps = [line.split()[1] for line in lines[2:-1]]
    assert steps == ["0", "4", "8", "10"]

    last = run("train", "--data", small_data, "--steps", 600, "--batch", 50).stdout.splitlines()[-1]
    assert last.startswith("trained 600 of 600 steps")
    assert last.endswith("test 100.00%")


def test_it_trains_on_mnist_by_default(run):
    done = run("train", "--steps", 300)
    assert "784-50-10 network" in done.stdout
    test_accuracy = float(done.stdout.split()[-1].rstrip("%"))
    assert test_accuracy > 80.0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_seed_gives_the_same_run_bit_for_bit_and_another_seed_another(run, small_data, tmp_path, dtype):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        run(
            "train", "--data", small_data, "--steps", 50, "--seed", seed, "--dtype", dtype,
            "--save", f"{name}.npz", "--json", f"{name}.json",
        )  # fmt: skip
    losses = {
        name: json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))["losses"] for name in "abc"
    }
    assert losses["a"] == losses["b"] != losses["c"]
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_what_it_saves_is_the_network_it_reports(run, small_data, tmp_path):
    from scratchnet.datasets import load_idx

    options = ("--hidden", 7, 5, "--steps", 90, "--dtype", "float64", "--save", "w.npz", "--json", "r.json")
    run("train", "--data", small_data, *options)
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert report["settings"]["sizes"] == [16, 7, 5, 10]
    assert len(report["losses"]) == report["steps_done"] == report["epochs"][-1]["step"] == 90
    assert report["interrupted"] is False

    net = multilayer_perceptron((16, 7, 5, 10), dtype=np.float64)
    net.load_state_dict(serialization.load(tmp_path / "w.npz"))
    _, (x, t) = load_idx(small_data)
    assert accuracy(net, x.astype(np.float64), t) == report["epochs"][-1]["test_accuracy"]


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_stops_between_steps_saves_and_says_how_far(tmp_path, small_data):
    process = subprocess.Popen(
        [
            sys.executable, "-m", "scratchnet", "train", "--data", str(small_data), "--steps", "100000000",
            "--save", "w.npz", "--json", "r.json",
        ],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.split()[:1] == ["2"]:  # two epochs are behind it
            break
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err == ""
    done = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert f"stopped by Ctrl-C after {done['steps_done']} of 100000000 steps" in out
    assert done["interrupted"] is True
    assert len(done["losses"]) == done["steps_done"]
    assert set(serialization.load(tmp_path / "w.npz")) == {"0.weight", "0.bias", "2.weight", "2.bias"}


def test_it_plots_a_png(run, small_data, tmp_path):
    pytest.importorskip("matplotlib", reason="the plot is an extra")
    run("train", "--data", small_data, "--steps", 60, "--plot", "p.png")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_without_matplotlib_it_says_how_to_get_it_before_it_trains(run, small_data, tmp_path):
    hidden = tmp_path / "hidden"
    (hidden / "matplotlib").mkdir(parents=True)
    (hidden / "matplotlib" / "__init__.py").write_text("raise ImportError", encoding="utf-8")
    done = run("train", "--data", small_data, "--plot", "p.png", expect=1, PYTHONPATH=str(hidden))
    assert "pip install matplotlib" in done.stderr
    assert done.stdout == ""


BAD_USAGE = {
    "no command": ((), ["required", "COMMAND"]),
    "unknown command": (("fly",), ["fly"]),
    "unknown option": (("train", "--speed", "9"), ["--speed"]),
    "abbreviated option": (("train", "--step", "9"), ["--step"]),
    "no number": (("train", "--steps", "many"), ["--steps", "positive integer", "many"]),
    "zero steps": (("train", "--steps", "0"), ["--steps", "positive integer"]),
    "zero batch": (("train", "--batch", "0"), ["--batch"]),
    "negative rate": (("train", "--rate", "-0.1"), ["--rate"]),
    "NaN rate": (("train", "--rate", "nan"), ["--rate", "nan"]),
    "negative seed": (("train", "--seed=-1"), ["--seed", "non-negative"]),
    "no such dtype": (("train", "--dtype", "float16"), ["float16"]),
    "empty hidden": (("train", "--hidden"), ["--hidden"]),
    "no such method": (("gradcheck", "--method", "magic"), ["magic"]),
}


@pytest.mark.parametrize("name", BAD_USAGE)
def test_bad_usage_is_one_line_and_status_2(run, name):
    arguments, words = BAD_USAGE[name]
    done = run(*arguments, expect=2)
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr


def test_a_failure_is_one_line_and_status_1_and_nothing_is_written(run, small_data, tmp_path):
    def fails(*arguments):
        done = run("train", "--steps", 5, *arguments, expect=1)
        assert len(done.stderr.splitlines()) == 1, done.stderr
        return done.stderr

    assert "nowhere" in fails("--data", "nowhere")
    assert "nowhere" in fails("--data", small_data, "--save", "nowhere/w.npz")
    assert ".safetensors" in fails("--data", small_data, "--save", "w.pt")
    assert "data" in fails("--data", small_data, "--json", "data")
    labels = small_data / "train-labels-idx1-ubyte.gz"
    whole = labels.read_bytes()
    labels.write_bytes(whole[:-9])
    assert labels.name in fails("--data", small_data, "--save", "w.npz")
    labels.write_bytes(whole)
    images = small_data / "t10k-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:-1])
    assert images.name in fails("--data", small_data, "--save", "w.npz")
    assert not (tmp_path / "w.npz").exists()


def test_an_empty_set_is_refused(run, tmp_path, write_idx):
    folder = tmp_path / "empty"
    folder.mkdir()
    for stem in ("train", "t10k"):
        write_idx(folder / f"{stem}-images-idx3-ubyte", np.zeros((0, 4, 4)))
        write_idx(folder / f"{stem}-labels-idx1-ubyte", np.zeros(0))
    assert "empty" in run("train", "--data", folder, expect=1).stderr


def test_a_diverging_run_says_so_in_one_line(run, small_data, tmp_path):
    done = run("train", "--data", small_data, "--rate", "1e30", "--save", "w.npz", expect=1)
    assert "loss became" in done.stderr
    assert "--rate" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "w.npz").exists()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")  # noqa: PTH110
def test_a_full_disk_is_one_line(run, small_data):
    done = run("train", "--data", small_data, "--steps", 5, "--json", "/dev/full", expect=1)
    assert "No space left" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_goes_away_is_no_error_message(small_data, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "scratchnet", "train", "--data", str(small_data), "--steps", "20000"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) != 0
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def test_version_is_the_packages(run):
    import scratchnet

    assert run("--version").stdout == f"scratchnet {scratchnet.__version__}\n"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_the_default_run_reaches_97_percent_on_the_test_set(run, tmp_path, seed):
    run("train", "--seed", seed, "--json", "r.json")
    assert (
        json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["epochs"][-1]["test_accuracy"] >= 0.97
    )


@pytest.mark.parametrize("said", [None, "2"])
def test_the_command_uses_one_thread_unless_told_otherwise(tmp_path, said):
    code = (
        "import os; from scratchnet.__main__ import main\n"
        "try: main(['--version'])\n"
        "except SystemExit: print(os.environ['OPENBLAS_NUM_THREADS'])"
    )
    environment = {name: value for name, value in os.environ.items() if not name.endswith("NUM_THREADS")}
    if said:
        environment["OMP_NUM_THREADS"] = said
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True,
        encoding="utf-8", check=True,
    )  # fmt: skip
    assert done.stdout.split()[-1] == (said or "1")
