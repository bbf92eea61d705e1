"""Where transformations are evaluated: a process beside this one, that may take long or grow and harms nobody.

process.py   starts it, asks it, ends it where it does not answer
line.py      how long it is waited for: as long as it only lacks processor time
turns.py     who asks next: one customer after the other
child.py     what runs there: a bound on memory, a budget of processor time for each event
"""
