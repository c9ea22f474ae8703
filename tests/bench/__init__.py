"""How fast it is, each figure beside what it is held against, measured in the same run (`make bench`).

One file per benchmark, called like its line. What they share: `ours.py` (our stack), `goods.py` (what lies in its
tables before), `crowd.py` (a process that sends requests), `cpu.py` (who used the cores), `textbook/` (the same
service as a tutorial would write it) and `sql/` (the same row changes as plain SQL).
"""
