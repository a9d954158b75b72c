"""The writer behind an OpenAI-compatible server, one or several."""
