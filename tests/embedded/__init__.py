"""Tests of the embedded services, which are started for real."""
