"""``python -m scratchnet.book SCRIPT.py`` runs scripts in the book's style, and behaves as Python does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHAPTER = "ch99"


@pytest.fixture
def book(tmp_path):
    """A folder laid out as the book's repository, with modules of its own that must not win."""
    decoy = "raise RuntimeError('the decoy was imported: ' + __name__)\n"
    for package, modules in {
        "common": ("__init__", "functions", "gradient", "layers", "optimizer", "trainer", "util"),
        "dataset": ("__init__", "mnist"),
        CHAPTER: ("two_layer_net", "simple_convnet", "deep_convnet"),
    }.items():
        (tmp_path / package).mkdir()
        for module in modules:
            (tmp_path / package / f"{module}.py").write_text(decoy, encoding="utf-8")
    return tmp_path


def run(book, text, *arguments, name="script.py", **environment):
    folder = book / CHAPTER
    (folder / name).write_text(text, encoding="utf-8")
    inherited = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "scratchnet.book", name, *arguments],
        cwd=folder,
        env=inherited | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def output(book, text, *arguments, **options):
    done = run(book, text, *arguments, **options)
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout


STYLES = {
    "layers by star": """
        import sys, os
        sys.path.append(os.pardir)
        from common.layers import *
        layer = Affine(np.ones((2, 2)), np.zeros(2))
        print(relu(layer.forward(np.array([[1.0, -3.0]]))).sum(), Convolution.__module__)
        """,
    "optimizers by star": """
        import sys, os
        sys.path.append(os.pardir)
        from common.optimizer import *
        params = {'x': -7.0}
        Adam(lr=0.3).update(params, {'x': 0.7})
        print(round(float(params['x']), 4), Adam.__module__)
        """,
    "modules by name": """
        import sys, os
        sys.path.append(os.pardir)
        import common.functions as f
        from common import layers, util
        from common.gradient import numerical_gradient
        from common.trainer import Trainer
        from common.multi_layer_net import MultiLayerNet
        from common.multi_layer_net_extend import MultiLayerNetExtend
        print(f.softmax(f.np.zeros(2)), util.conv_output_size(5, 2), layers.__name__)
        """,
    "networks": """
        import numpy as np
        from two_layer_net import TwoLayerNet
        from simple_convnet import SimpleConvNet
        from deep_convnet import DeepConvNet
        np.random.seed(0)
        net = TwoLayerNet(input_size=4, hidden_size=3, output_size=2)
        x, t = np.ones((1, 4)), np.array([1])
        numerical, backprop = net.numerical_gradient(x, t), net.gradient(x, t)
        for key in numerical.keys():
            assert np.average(np.abs(backprop[key] - numerical[key])) < 1e-8
        print(TwoLayerNet.__module__, SimpleConvNet.__module__, DeepConvNet.__module__)
        """,
    "data": """
        # coding: utf-8
        import sys, os
        sys.path.append(os.pardir)  # 親ディレクトリ
        from dataset.mnist import load_mnist
        (x_train, t_train), (x_test, t_test) = load_mnist(normalize=True, one_hot_label=True)
        print(x_train.shape, t_test.shape, load_mnist.__module__)
        """,
}
EXPECTED = {
    "layers by star": "0.0 scratchnet.book.layers\n",
    "optimizers by star": "-7.3 scratchnet.book.optimizer\n",
    "modules by name": "[0.5 0.5] 4 scratchnet.book.layers\n",
    "networks": "scratchnet.book.two_layer_net scratchnet.book.simple_convnet scratchnet.book.deep_convnet\n",
    "data": "(60000, 784) (10000, 10) scratchnet.datasets._mnist\n",
}


@pytest.mark.parametrize("style", STYLES)
def test_imports_in_the_books_style_are_answered_here_whatever_lies_beside_the_script(book, style):
    text = "\n".join(line.removeprefix(" " * 8) for line in STYLES[style].splitlines())
    assert output(book, text) == EXPECTED[style]


def test_modules_beside_the_script_are_found(book):
    (book / CHAPTER / "layer_naive.py").write_text("class MulLayer:\n    pass\n", encoding="utf-8")
    (book / CHAPTER / "gradient_2d.py").write_text(
        "def numerical_gradient(f, x):\n    return 7\n", encoding="utf-8"
    )
    text = "from layer_naive import *\nfrom gradient_2d import numerical_gradient\n"
    text += "print(MulLayer.__name__, numerical_gradient(None, None))\n"
    assert output(book, text) == "MulLayer 7\n"


def test_the_script_sees_what_python_would_show_it(book):
    text = "import sys, os, __main__\nprint(sys.argv, __name__, __main__.__dict__ is globals())\n"
    text += (
        "print(__file__)\nprint(sys.path[0])\nprint(os.getcwd())\nprint(sys.modules['__main__'].__file__)\n"
    )
    lines = output(book, text, "--flag", "two words", name="show.py").splitlines()
    folder = (book / CHAPTER).resolve()
    assert lines[0] == "['show.py', '--flag', 'two words'] __main__ True"
    assert [Path(line).resolve() for line in lines[1:]] == [
        folder / "show.py",
        folder,
        folder,
        folder / "show.py",
    ]


def test_files_are_named_relative_to_the_working_directory(book):
    text = "from simple_convnet import SimpleConvNet\nnet = SimpleConvNet((1, 6, 6), {'filter_num': 1, "
    text += "'filter_size': 3, 'pad': 0, 'stride': 1}, 2, 2)\nnet.save_params('params.pkl')\n"
    text += "net.load_params('params.pkl')\nprint(net.params['W1'].shape)\n"
    assert output(book, text) == "(1, 1, 3, 3)\n"
    assert (book / CHAPTER / "params.pkl").exists()


def test_an_error_in_the_script_shows_the_scripts_lines_alone(book):
    done = run(book, "def f():\n    return 1 / 0\n\n\nf()\n")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "script.py" in done.stderr
    assert "scratchnet" not in done.stderr
    done = run(book, "x = = 1\n")
    assert done.returncode == 1
    assert "SyntaxError" in done.stderr
    assert "scratchnet" not in done.stderr


def test_the_script_decides_the_exit_status(book):
    assert run(book, "raise SystemExit(5)\n").returncode == 5
    done = run(book, "import sys\nsys.exit('stop')\n")
    assert (done.returncode, done.stderr) == (1, "stop\n")


@pytest.mark.parametrize("name", ["nothing.py", "."])
def test_a_script_that_cannot_be_read_is_one_line_and_status_2(book, name):
    done = subprocess.run(
        [sys.executable, "-m", "scratchnet.book", name],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=book,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"scratchnet.book: cannot read the script {name}: ")
    assert done.stderr.count("\n") == 1


def test_without_a_script_it_says_how_it_is_used():
    call = [sys.executable, "-m", "scratchnet.book"]
    done = subprocess.run(call, capture_output=True, text=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: python -m scratchnet.book SCRIPT.py")
    done = subprocess.run([*call, "--help"], capture_output=True, text=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ")


def test_plots_are_made_without_a_display_and_do_not_wait(book):
    pytest.importorskip("matplotlib")
    text = "import matplotlib.pylab as plt\nplt.plot([1, 2])\nplt.show()\nprint(plt.get_backend().lower())\n"
    assert output(book, text) == "agg\n"
    assert output(book, text, MPLBACKEND="svg") == "svg\n"
