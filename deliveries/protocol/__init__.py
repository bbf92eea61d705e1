"""The rules, pure: no Django, no clock, no dice, no I/O. `now` and `rng` come in as arguments."""
