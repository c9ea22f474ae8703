"""The local stack: PostgreSQL, Redis, the sandbox and every process of ours, on one machine.

`make up` and `make demo` run this package (`__main__.py`); the tests and the benchmark use
`stack.Stack`. Which processes there are: `roles.py`. What they are told: `environment.py`.
"""
