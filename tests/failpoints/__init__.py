"""A process is killed at every failpoint there is (docs/adr/0032), and everything ends as it should.

points.py   which points there are, read from the source
bench.py    arms them, keeps the book of kills and stories
stories.py  what customers do, with the end that each must come to
staff.py    the same for members of staff, and for what workers do for them
cases.py    which story passes which point, and in which process
"""
