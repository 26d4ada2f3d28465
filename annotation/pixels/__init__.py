"""Pictures of strangers, decoded and encoded: what runs in a child process with limits, and nowhere else.

Knows Pillow and nothing of Django, the database or the disk. annotation/images/decoder.py starts the children
and speaks to them; `child` is their program.
"""
