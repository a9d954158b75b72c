"""The set-up says in one line what a machine lacks. The whole set-up is what `make test` itself runs on."""

import os
import subprocess
import sys

import pytest

from scripts.bootstrap import processor
from tests.conftest import ROOT

SCRIPT = ROOT / "scripts" / "bootstrap.py"


def run(*arguments: str, code: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code] if code else [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=60, check=False
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 2, done
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_a_missing_compiler_is_one_line_that_says_what_to_install() -> None:
    line = one_line(run(CXX="no-such-compiler"))
    assert "no-such-compiler" in line
    assert "apt install gcc g++" in line


def test_a_python_that_is_too_old_is_one_line_with_the_version_needed() -> None:
    pretend = "import sys, runpy; sys.version_info = (3, 9, 2); sys.argv = ['bootstrap.py']; "
    line = one_line(run(code=f"{pretend}runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"))
    assert "Python 3.11 or newer is needed" in line


def test_an_unknown_gpu_is_one_line_with_the_known_ones() -> None:
    assert "GPU=cuda" in one_line(run("--gpu", "abacus"))


@pytest.mark.parametrize(
    ("gpu", "compiler", "remedy"), [("vulkan", "glslc", "libvulkan-dev"), ("cuda", "nvcc", "CUDA")]
)
def test_a_gpu_without_its_compiler_is_one_line_that_says_what_to_install(gpu: str, compiler: str, remedy: str) -> None:
    line = one_line(run("--gpu", gpu, PATH=""))
    assert f"GPU={gpu} needs {compiler}" in line
    assert remedy in line


def test_the_engine_multiplies_in_tiles_where_the_processor_has_them() -> None:
    if "amx_int8" not in processor().split():
        pytest.skip("this processor has no AMX")
    # In a process of its own: native code is not loaded here.
    code = "from service.llm.worker.native import system_info; print(system_info())"
    done = run(code=code, PYTHONPATH=str(ROOT))
    assert "AMX_INT8 = 1" in done.stdout, done
