"""What an answer means, and how it is told.

By what they are about; the first line of each file says what lives there.

what it means  answer outcome challenge
told           advice shown_body
"""
