"""Measures Paperboy on questions, abstracts and summaries with known answers; imports the service."""

# Before numpy: see there.
import service as service
