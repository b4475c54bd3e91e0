"""Forecasts of weekly and monthly sums, each chosen by its own past errors: frames and days in, frames and cards out.

`members` are the methods, `backtest` puts them on trial at rolling origins, `choice` takes one and says why,
`intervals` says how far it may be off, `hierarchy` makes totals and parts agree, `hazard` and `pipeline` forecast from
open deals. Nothing here asks for the time, and nothing looks past the day it is given.
"""
