"""Where things stand in the states of a decoder whose first heads are set by hand, and in those heads."""

import torch
from torch import Tensor

from training.decoder import HEAD

OWN = 1
"""The first direction of the token itself, behind a constant."""
IDENTITY, BEFORE = 128, HEAD
"""How many directions the token itself has, and each of the two before it."""
ONE_BEFORE, TWO_BEFORE = OWN + IDENTITY, OWN + IDENTITY + BEFORE
PASSAGE, RARE, MATCHED, ASKED, TITLE, BEGIN = (OWN + IDENTITY + 2 * BEFORE + place for place in range(6))
"""Behind the question; how rare; that of matched tokens; the answer begins; in a title; how a sentence begins."""
NUMBER = 16
"""How many numbers of passages are known: a direction each."""
OPENS, OF_PASSAGE = BEGIN + BEFORE, BEGIN + BEFORE + 1
COPIED_OF = OF_PASSAGE + NUMBER
CLOSES, ENDS, FIRST = (COPIED_OF + NUMBER + place for place in range(3))
"""A marker opens; the number of the passage; of the one that is copied; a marker closes; what stands for the end; the
text's first token."""
LENGTH = 4.0
"""Of what is marked in one direction."""
BRACKET = "Ġ["
"""The token with which a marker opens, in a line."""
TURNING = 15
"""Pairs of a head that turn with the position; the others compare contents."""
STILL = 2 * TURNING
"""The first direction of a head that does not turn."""
COPYING_HEAD = 0
"""The first head of the third layer that copies."""


def orthonormal(rows: int, columns: int) -> Tensor:
    """Random directions at right angles, shape (rows, columns); rows at most columns."""
    found: Tensor = torch.linalg.qr(torch.randn(columns, rows)).Q.T
    return found
