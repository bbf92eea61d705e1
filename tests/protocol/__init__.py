"""Tests of the pure floor: tables for rules, properties for parsers, vendors' own libraries for signatures."""
