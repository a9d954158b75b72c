"""How the small learned parts were made; each module is one command."""
