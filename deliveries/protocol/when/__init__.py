"""When something is sent: states, schedule, breaker, rates, windows.

By what they are about; the first line of each file says what lives there.

how often  backoff rate
whether    breaker delivery_states delivery_window
"""
