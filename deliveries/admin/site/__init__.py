"""The two sites, and what stands on one of them only."""
