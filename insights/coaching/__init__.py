"""Coaching notes in which code writes every number: facts, their phrases, slots, templates and the verifier.

Pure: facts in, notes and verdicts out. Knows no database, network, clock or model.
"""
