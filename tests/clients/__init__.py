"""Clients that tools of others generate from the description of the API."""
