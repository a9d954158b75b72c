"""Where the files that ship with the package lie: prompts and the small models."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def _root() -> Path:
    """Inside an installed package, or the checkout."""
    packaged = _PACKAGE / "_data"
    return packaged if packaged.is_dir() else _PACKAGE.parent


def prompts_folder() -> Path:
    """Prompt files."""
    return _root() / "prompts"


def models_folder() -> Path:
    """Model files."""
    return _root() / "models"


def model_folders(own: Path) -> tuple[Path, Path]:
    """Where a model file is looked for: the person's own folder, then what ships."""
    return own, models_folder()
