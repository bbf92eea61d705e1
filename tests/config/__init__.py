"""Tests of the wiring: settings, keys, broker, commands."""
