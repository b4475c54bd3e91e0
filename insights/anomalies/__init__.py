"""Weeks in which somebody suddenly behaves differently: counts per series and week in, alarms with their reasons out.

`weeks` holds the counts, `expected` says what was to be expected of each week from the weeks before and the team's
week, `detectors` how unlikely a week or a run of weeks was, `thresholds` where an alarm begins so that a budget of
false alarms is kept, `detection` puts them together and `explaining` finds the words. Nothing here asks for the time.
"""
