"""What is watched, and how people are told.

rules     the table: what each rule measures, from where on it is an alert, and what to do first
figures   reads each figure once, cheaply
check     verb    looks at all rules; opens, worsens, betters and closes alerts, and writes down what must be told
tell      verb    sends what was written down
mute      verb    staff want to hear nothing of an alert for a while
"""
