"""Where things stand in the states of a decoder whose first heads are set by hand, and in those heads."""

import torch
from torch import Tensor

from training.decoder import HEAD

OWN = 1
"""The first direction of the token itself, behind a constant."""
IDENTITY, BEFORE = 128, HEAD
"""How many directions the token itself has, and each of the two before it."""
ONE_BEFORE, TWO_BEFORE = OWN + IDENTITY, OWN + IDENTITY + BEFORE
TURNING = 14
"""Pairs of a head that turn with the position, from 6 to 1,900 tokens for a full turn; the others compare contents."""
STILL = 2 * TURNING
"""The first direction of a head that does not turn."""


def orthonormal(rows: int, columns: int) -> Tensor:
    """Random directions at right angles, shape (rows, columns); rows at most columns."""
    found: Tensor = torch.linalg.qr(torch.randn(columns, rows)).Q.T
    return found
