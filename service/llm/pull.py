"""Fetch a model file from the Hugging Face hub: the one command of Paperboy that downloads weights."""

import errno
import hashlib
import shutil
from pathlib import Path

from service.errors import DownloadError
from service.llm.models import known_model

_SPARE_BYTES = 200 * 2**20


def pull(name: str, folder: Path) -> Path:
    """Download a known model, or `REPOSITORY:FILE`, and check it against the hub's hash. Progress is on stderr.

    Raises:
        DownloadError: unknown name, no network, no room, or a damaged file; with what to do.
    """
    # Imported here: nothing else of Paperboy goes to the network.
    from httpx2 import HTTPError
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError

    repository, file = _wanted(name)
    try:
        metadata = get_hf_file_metadata(hf_hub_url(repository, file))
        _make_sure_of_room(folder, metadata.size or 0)
        path = Path(hf_hub_download(repository, file, local_dir=folder))
    except HfHubHTTPError as error:
        status = error.response.status_code
        raise DownloadError(f"the hub has no {repository}/{file} for you (HTTP {status})") from None
    except ValueError:
        raise DownloadError(f"the hub cannot have {name}: give OWNER/REPOSITORY:FILE.gguf") from None
    except (HTTPError, OSError) as error:
        if isinstance(error, OSError) and (error.filename or error.errno == errno.ENOSPC):
            raise DownloadError(f"{file} cannot be stored in {folder}: {error.strerror}") from None
        raise DownloadError(
            f"the Hugging Face hub cannot be reached, so {file} was not fetched: connect to the network and try "
            "again, or copy the file here and use --model PATH"
        ) from None
    _compare(path, metadata.etag or "", metadata.size)
    # A file may lie in a folder of its repository; models are looked for in one folder, by name.
    return path.replace(folder / path.name)


def _wanted(name: str) -> tuple[str, str]:
    known = known_model(name)
    if known is not None:
        if not known.repository:
            raise DownloadError(f"{known.name} ships with Paperboy; there is nothing to fetch")
        return known.repository, known.file
    repository, separator, file = name.partition(":")
    if not separator or repository.count("/") != 1 or not file.endswith(".gguf"):
        raise DownloadError(f"unknown model {name}: see `paperboy models list`, or give OWNER/REPOSITORY:FILE.gguf")
    return repository, file


def _make_sure_of_room(folder: Path, size: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < size + _SPARE_BYTES:
        raise DownloadError(f"{folder} has {free / 2**30:.1f} GiB free and the file needs {size / 2**30:.1f} GiB")


def _compare(path: Path, etag: str, size: int | None) -> None:
    """The hub's tag of a large file is its SHA-256."""
    if size is not None and path.stat().st_size != size:
        damaged = True
    elif len(etag) == 64:
        with path.open("rb") as file:
            damaged = hashlib.file_digest(file, "sha256").hexdigest() != etag
    else:
        damaged = False
    if damaged:
        path.unlink()
        raise DownloadError(f"{path.name} arrived damaged and was removed: try again")
