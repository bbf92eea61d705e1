"""Tests of the pages: what people see, and what they must not."""
