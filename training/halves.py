"""Weights in half precision to compute with, beside those in single precision that are learned.

Matrices are multiplied in bfloat16 twice as fast; small updates would be lost in it (Micikevicius et al. 2018).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

Pairs = Sequence[tuple[Tensor, Tensor]]
"""Each weight in single precision, and in half."""


def take_gradients(pairs: Pairs) -> None:
    """Hand the gradients of the halves over to the exact weights."""
    for exact, low in pairs:
        exact.grad = None if low.grad is None else low.grad.float()
        low.grad = None


def lower(pairs: Pairs) -> None:
    """Make the halves what the exact weights are."""
    with torch.no_grad():
        for exact, low in pairs:
            low.copy_(exact)
