"""Make `.venv` ready: `python scripts/bootstrap.py [--dev] [--gpu cuda|metal|vulkan]` (the Makefile calls it).

Standard library only, and plain enough for an old Python to read, so that it can say which Python is needed.
A second call with nothing changed returns at once: a stamp in `.venv` holds the hash of all that matters.
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements"
GPU_FLAGS = {
    "": [],
    "cuda": ["-DGGML_CUDA=ON"],
    "metal": ["-DGGML_METAL=ON"],
    "vulkan": ["-DGGML_VULKAN=ON"],
}
GPU_COMPILERS = {
    "cuda": ("nvcc", "install NVIDIA's CUDA toolkit and put its bin folder on the PATH"),
    "vulkan": ("glslc", "apt install glslc libvulkan-dev spirv-headers"),
}
"""What a build for a GPU needs besides, and how to get it."""


def stop(message: str) -> "None":
    """End with one clear line."""
    sys.stderr.write("setup: " + message + "\n")
    raise SystemExit(2)


def check_machine(gpu: str) -> None:
    """Refuse, with what to install, a machine that cannot build or run Paperboy."""
    compiler, remedy = GPU_COMPILERS.get(gpu, ("", ""))
    if compiler and not shutil.which(compiler):
        stop(f"GPU={gpu} needs {compiler}, which is not found: {remedy}")
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever calls this may have an older one
        found = f"{platform.python_version()} ({sys.executable})"
        stop(f"Python 3.11 or newer is needed, this is {found}: install one and call make PYTHON=/path/to/python3.11")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        stop(f"this Python lacks its venv module: apt install python{version}-venv")
    for variable, names in (("CC", ("cc", "gcc", "clang")), ("CXX", ("c++", "g++", "clang++"))):
        wanted = os.environ.get(variable)
        if not any(shutil.which(name) for name in ((wanted,) if wanted else names)):
            stop(
                f"no compiler found ({variable}: {wanted or ', '.join(names)}), and llama.cpp is built from source: "
                "apt install gcc g++ (macOS: xcode-select --install)"
            )


def processor() -> str:
    """What a native build of llama.cpp depends on: machine and processor features."""
    features = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(errors="replace").splitlines()
        features = next((line for line in lines if line.lower().startswith(("flags", "features"))), features)
    return f"{platform.system()} {platform.machine()} {features}"


def digest(*parts: object) -> str:
    """Hash of texts and of the contents of files."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part.read_bytes() if isinstance(part, Path) else str(part).encode())
    return sha.hexdigest()[:20]


def read(path: Path) -> str:
    """The text of a file, empty where there is none."""
    return path.read_text() if path.exists() else ""


def stamp_of(lock: Path) -> Path:
    """Where the state of `.venv` is noted for a lock file."""
    return VENV / f"paperboy-{lock.stem}.stamp"


def pip(*arguments: str, **environment: str) -> None:
    """Run the virtual environment's pip; its output is shown only where it fails."""
    command = [
        str(VENV / "bin" / "python"),
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        *arguments,
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        with tempfile.NamedTemporaryFile("wb", prefix="paperboy-setup-", suffix=".log", delete=False) as log:
            log.write(done.stdout)
        lines = [line.strip() for line in done.stdout.decode(errors="replace").splitlines() if line.strip()]
        telling = [line for line in lines if "error" in line.lower()] or lines or ["no output"]
        stop(f"pip {arguments[0]} failed ({telling[-1]}); the whole log: {log.name}")


def say(message: str) -> None:
    """Tell what is going on, on stderr."""
    sys.stderr.write("setup: " + message + "\n")
    sys.stderr.flush()


def install_engine(gpu: str, key: str) -> None:
    """Build llama-cpp-python from its source package, or take the wheel built before on this processor.

    pip's own wheel cache is passed over: its key knows neither the processor nor the GPU switch.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "paperboy" / "wheels" / key
    wheels = sorted(cache.glob("*.whl")) if cache.is_dir() else []
    if not wheels:
        say("building llama-cpp-python 0.3.36 from its source package: 2 to 5 minutes on two cores, once …")
        switches = [
            "-DLLAVA_BUILD=OFF",
            f"-DCMAKE_PROJECT_llama.cpp_INCLUDE={REQUIREMENTS / 'llama-cpp.cmake'}",
        ]
        flags = " ".join([*switches, *GPU_FLAGS[gpu], os.environ.get("CMAKE_ARGS", "")])
        with tempfile.TemporaryDirectory() as folder:
            path = os.pathsep.join([str(VENV / "bin"), os.environ.get("PATH", "")])
            pip(
                *("wheel", "--require-hashes", "--no-deps", "--no-build-isolation", "--no-cache-dir"),
                *("--wheel-dir", folder, "-r", str(REQUIREMENTS / "engine.lock")),
                CMAKE_ARGS=flags.strip(),
                PATH=path,
            )
            cache.mkdir(parents=True, exist_ok=True)
            for wheel in Path(folder).glob("*.whl"):
                shutil.move(str(wheel), str(cache / wheel.name))
        wheels = sorted(cache.glob("*.whl"))
    pip("install", "--no-deps", "--force-reinstall", str(wheels[0]))


def smoke_test() -> None:
    """Embed a sentence in a child process, so that a build unfit for this processor is named here."""
    code = (
        "from pathlib import Path; from service.llm.embedder import LlamaEmbedder; "
        "print(len(LlamaEmbedder(Path('models/all-MiniLM-L6-v2-Q8_0.gguf')).embed_query('does it run?')))"
    )
    done = subprocess.run(
        [str(VENV / "bin" / "python"), "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode or done.stdout.strip() != "384":
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        stop(f"llama.cpp was built but does not run here ({reason}): try make clean, then make setup")


def main() -> None:
    """Bring `.venv` to the state that the lock files describe."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dev", action="store_true")
    parser.add_argument("--gpu", default="")
    options = parser.parse_args()
    if options.gpu not in GPU_FLAGS:
        stop(f"GPU={options.gpu} is not known: GPU=cuda, GPU=metal or GPU=vulkan")
    check_machine(options.gpu)
    engine_stamp = VENV / "paperboy-engine.stamp"
    remembered = read(engine_stamp).split()
    gpu = options.gpu or (remembered[1] if len(remembered) > 1 else "")
    engine_files = (
        REQUIREMENTS / "engine.lock",
        REQUIREMENTS / "build.lock",
        REQUIREMENTS / "llama-cpp.cmake",
        REQUIREMENTS / "headers" / "vulkan" / "vulkan.hpp",
    )
    # The wheel fits every Python 3, so the version is no part of its key.
    engine_key = digest(*engine_files, gpu, processor())
    # What `make test` needs includes what `make demo` needs.
    locks = [REQUIREMENTS / name for name in (["dev.lock"] if options.dev else ["dev.lock", "runtime.lock"])]
    keys = {lock: digest(lock, ROOT / "pyproject.toml", engine_key, Path(__file__), str(VENV)) for lock in locks}
    if any(read(stamp_of(lock)) == key for lock, key in keys.items()):
        return
    if read(VENV / "python.stamp") != sys.version:
        say(f"making a virtual environment with Python {platform.python_version()}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        (VENV / "python.stamp").write_text(sys.version)
        remembered = []
    if remembered[:1] != [engine_key]:
        pip("install", "--require-hashes", "-r", str(REQUIREMENTS / "build.lock"))
        install_engine(gpu, engine_key)
        engine_stamp.write_text(f"{engine_key} {gpu}")
    lock = locks[-1]
    say(f"installing the packages of {lock.relative_to(ROOT)}")
    pip("install", "--require-hashes", "--no-build-isolation", "-r", str(lock))
    pip("install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    smoke_test()
    stamp_of(lock).write_text(keys[lock])
    say("done")


if __name__ == "__main__":
    main()
