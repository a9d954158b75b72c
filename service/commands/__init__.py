"""The commands, one short function each. Heavy imports stand inside them, so `--help` is quick."""
