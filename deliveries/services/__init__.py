"""Verbs of people and programs: what is done with what is stored. They know no requests and enqueue nothing.

A room knows those above it in this list; the files beside them know all.

common/        the audit trail, limits, locked rows, languages and moments: what all stand on
housekeeping/  the leader, rounds, retention, what is counted by the hour, keys, tables
process/       shares and readiness of a web process
people/        members, staff, API keys, the ways in
catalogue/     event types, schemas, versions
bodies/        what was sent, or would be
reading/       choosing from the log, counting, health
resending/     redelivery, cancelling, jobs
accepting/     from a posted event to its deliveries
telling/       alerts and letters
endpoint/      what an endpoint is made of

By what they are about; the first line of each file says what lives there.

endpoints  endpoints challenge_rounds delivery_windows retests holding
customers  customers imports import_jobs
erasing    erase erasures event_erasure purge
jobs       job_steps job_control
log-ins    link_backend
"""
