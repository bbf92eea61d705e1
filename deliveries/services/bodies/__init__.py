"""What was, or would be, sent for an event: bodies, batches, and their signatures checked."""
