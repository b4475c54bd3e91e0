"""Scores that prove themselves: columns understood, leaks named, models fitted and graded, reasons that add up.

Frames in, values and frames out; nothing here reads a file, a clock or a database.
"""
