"""The style of this project, as tests: each reads the source and fails when a rule is broken."""
