"""What one web process shares among its requests, and whether it is ready.

By what they are about; the first line of each file says what lives there.

shares     budgets shares group_commit interpreter
its state  readiness drain
"""
