"""Races: real threads on committed rows, each with a control run that shows the race without its lock or guard.

They have a database of their own, with every migration. A flush between tests is not to be had (the
ledger refuses TRUNCATE), control runs leave broken books behind, and other tests prove whole tables. Here every test
makes its own people and things, and looks only at those. What a race needs to be met every time is time: a trigger
that sleeps (`slowed`) lets one statement take long, without a change of our code.
"""
