"""Django's PostgreSQL, with one more reason to come again later (see base.py)."""
