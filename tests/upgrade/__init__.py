"""Old and new code side by side: every migration on a live table, and a rolling restart under load."""
