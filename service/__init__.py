"""Paperboy: the day's research papers on your own machine."""

import os

__version__ = "0.1.0"

# Threads of OpenBLAS spin for a while after each product of matrices, against those of llama.cpp: on two cores the
# slowest searches took 117 ms instead of 54. It has to be said before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# huggingface_hub reads this when it is imported. It would tell the hub what else is installed and, asking it for a list
# first, which program runs it.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
