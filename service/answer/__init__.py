"""What is written: answers, summaries, digests, and the check of each claim against its source."""
