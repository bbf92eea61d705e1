"""What is done once a minute, by whom, and what has to be there first.

By what they are about; the first line of each file says what lives there.

who does it      leader rounds
days and hours   retention rollup
keys and tables  keyring tables
"""
