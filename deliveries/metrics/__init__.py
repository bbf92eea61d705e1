"""What a process counts about itself, for Prometheus. docs/operations.md says what each metric is for.

names.py   every metric: its name, meaning and labels
kinds.py   counters, gauges and histograms
memory.py  their numbers, in memory that the web server's processes share

Those who count import names.py; api/metrics.py writes all of it down. Nothing here knows what is counted.
"""
