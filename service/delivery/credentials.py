"""Passwords: from the environment, or from the keyring where that package is installed; never from a file in plain."""

import os
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec

from service.settings import ENVIRONMENT_PREFIX

_SERVICE = "paperboy"


def secret(name: str, account: str, environment: Mapping[str, str] | None = None) -> str:
    """A secret, or an empty string where there is none.

    Args:
        name: one of `settings.SECRETS`; `PAPERBOY_<NAME>` is the variable.
        account: under which the keyring has it (`keyring set paperboy ACCOUNT`).
        environment: where variables come from.
    """
    environment = os.environ if environment is None else environment
    given = environment.get(ENVIRONMENT_PREFIX + name.upper(), "")
    if given or find_spec("keyring") is None:
        return given
    keyring = import_module("keyring")
    try:
        return keyring.get_password(_SERVICE, account) or ""
    except keyring.errors.KeyringError:
        # Nobody is logged in at a desktop: a server has no keyring.
        return ""
