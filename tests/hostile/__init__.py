"""Those who mean us harm, or send nonsense: every door must stand."""
