"""Brings a digest to where people read: mail and webhooks, at most once for each recipient."""
