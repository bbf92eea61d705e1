"""Clients of the REST API, their shapes made from its own description."""
