"""What a request is made of.

By what they are about; the first line of each file says what lives there.

requests             request payload batching curl
what it takes along  credentials client_tls access_tokens
other ways           inbox polled
"""
