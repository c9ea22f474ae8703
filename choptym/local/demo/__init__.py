"""`make demo`: real checkouts through the HTTP API, then the proof that nothing was lost or doubled."""
