"""Speed, always against a named alternative in the same run: `python -m eval.bench`."""
