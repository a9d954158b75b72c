"""llama.cpp's own benchmark and server, built from the very source that llama-cpp-python brings: `-m eval.bench.tools`.

The source package is fetched by the hash in requirements/engine.lock and compiled with the switches of our own engine
(native code), so that a comparison is between programs and not between compilers. Once, in the cache
folder: 6 minutes on two cores. `PAPERBOY_LLAMA_TOOLS` names a folder with binaries to take instead.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from eval.bench.shapes import cache_folder
from eval.data import ROOT
from scripts.bootstrap import REQUIREMENTS, digest, processor

TOOLS = ("llama-batched-bench", "llama-bench", "llama-server")
_SWITCHES = (
    "-DCMAKE_BUILD_TYPE=Release",
    # As llama-cpp-python builds it.
    "-DBUILD_SHARED_LIBS=ON",
    # The binaries are moved after the build and look for their libraries beside themselves.
    "-DCMAKE_BUILD_RPATH_USE_ORIGIN=ON",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_MTMD=OFF",
    "-DLLAMA_BUILD_UI=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",
    "-DLLAMA_OPENSSL=OFF",
)


def tool(name: str) -> Path:
    """The path of one of the tools, built where it is missing.

    Raises:
        SystemExit: it cannot be built; with what to do.
    """
    named = os.environ.get("PAPERBOY_LLAMA_TOOLS")
    folder = Path(named) if named else _built()
    path = folder / name
    if not path.exists():
        raise SystemExit(f"{path} does not exist: PAPERBOY_LLAMA_TOOLS has to name a folder with {', '.join(TOOLS)}")
    return path


def configure(folder: Path, cmake: str) -> Path:
    """Fetch and unpack the source below a folder and prepare its build; the build folder."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download"]
    # pip asks a source package for its name by the build backend that is installed here already.
    options = ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--require-hashes", "--dest", str(folder)]
    _run([*command, *options, "-r", str(REQUIREMENTS / "engine.lock")], folder / "pip.log")
    archive = next(folder.glob("llama_cpp_python-*.tar.gz"))
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    source = next(folder.glob("llama_cpp_python-*/vendor/llama.cpp"))
    # Our own switches leave out a library that the tools do need.
    included = folder / "switches.cmake"
    included.write_text(f'include("{REQUIREMENTS / "llama-cpp.cmake"}")\nset(LLAMA_BUILD_COMMON ON)\n')
    build = folder / "build"
    switches = [*_SWITCHES, f"-DCMAKE_PROJECT_llama.cpp_INCLUDE={included}"]
    _run([cmake, "-S", str(source), "-B", str(build), *switches], folder / "configure.log")
    return build


def _built() -> Path:
    key = digest(REQUIREMENTS / "engine.lock", REQUIREMENTS / "llama-cpp.cmake", processor(), *_SWITCHES)
    kept = cache_folder() / "tools" / key
    if kept.is_dir():
        return kept
    cmake = _cmake()
    sys.stderr.write(f"building {', '.join(TOOLS)} once: 6 minutes on two cores …\n")
    kept.parent.mkdir(parents=True, exist_ok=True)
    # Not in /tmp, which may be small: source and objects take 1 GB.
    with tempfile.TemporaryDirectory(dir=kept.parent, prefix="build-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        build = configure(folder, cmake)
        jobs = str(os.cpu_count() or 1)
        _run([cmake, "--build", str(build), "--parallel", jobs, "--target", *TOOLS], folder / "build.log")
        part = folder / "bin"
        shutil.copytree(build / "bin", part, symlinks=True)
        part.rename(kept)
    return kept


def _cmake() -> str:
    """The cmake that `make setup` installs, or the system's."""
    path = os.pathsep.join([str(ROOT / ".venv" / "bin"), os.environ.get("PATH", "")])
    found = shutil.which("cmake", path=path)
    if found is None:
        raise SystemExit("cmake is missing, and llama.cpp's tools are built with it: make setup installs it")
    return found


def _run(command: list[str], log: Path) -> None:
    """Run with all output in a file; where it fails, its last lines are shown."""
    with log.open("wb") as file:
        done = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False)  # noqa: S603
    if done.returncode:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise SystemExit(f"{command[0]} failed with status {done.returncode}:\n{last}")


if __name__ == "__main__":
    for wanted in TOOLS:
        sys.stdout.write(f"{tool(wanted)}\n")
