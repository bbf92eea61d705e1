"""What the commands in commands/ share.

command.py        a command that cannot go on says so in a line
terminal.py       who sits at the terminal
numbers.py        numbers of a command line
signals.py        the wish to stop
workers.py        Dramatiq's workers inside one process
collector.py      Python's collector of cycles
large_pages.py    memory that is laid together
health_port.py, health_server.py  a port for processes that serve no requests
doctor/           what is well and what is not
"""
