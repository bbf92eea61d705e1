"""The overview: figures, charts, and how it stays true while it is looked at."""
