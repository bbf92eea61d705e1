"""The rules, pure: no Django, no clock, no dice, no I/O. `now` and `rng` come in as arguments.

A room knows those above it in this list.

writing/   sentences, ids, moments, URLs: how values are written
who/       roles, claims, tokens
events/    events, their types, filters, transformations
when/      states, schedule, breaker, rates, windows
answers/   what an answer means
signing/   secrets and signatures
sending/   requests, and what they take along
checking/  why a signature was refused
imports/   what other senders export
"""
