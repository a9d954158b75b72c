"""Fetchers: what services list, page by page, through the parsers of files. Only `paperboy fetch` uses them."""
