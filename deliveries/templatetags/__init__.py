"""What templates load of ours."""
