"""Measures Paperboy on questions, abstracts and summaries with known answers; imports the service."""

# First of all: it sets how many threads numpy uses, which counts only before numpy is imported.
import service as service
