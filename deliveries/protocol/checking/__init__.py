"""Why a signature was refused: what somebody pasted, held against what was signed.

By what they are about; the first line of each file says what lives there.

the check        signature_check findings
signatures       computed_signatures given_digests
what was pasted  pasted_headers printed_bodies body_differences
shown code       receiver_code
"""
