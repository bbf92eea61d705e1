"""Signatures: ours, those of other senders, and schemes of one's own.

By what they are about; the first line of each file says what lives there.

ours    secrets signatures
others  profiles vendor_signatures own_scheme
"""
