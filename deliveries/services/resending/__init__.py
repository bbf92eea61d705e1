"""Sending again, or no more: one delivery, or many by a job.

By what they are about; the first line of each file says what lives there.

one   redelivery cancellations backlog
many  jobs candidates failure_groups
"""
