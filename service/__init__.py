"""Paperboy: the day's research papers on your own machine."""

import os

__version__ = "0.1.0"

# Threads of OpenBLAS spin for a while after each product of matrices, against those of llama.cpp: on two cores the
# slowest searches took 117 ms instead of 54. It has to be said before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
