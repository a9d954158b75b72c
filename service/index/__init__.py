"""The catalog and what is derived from it: chunks, vectors, lexical index, retrieval, plans."""
