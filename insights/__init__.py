"""What the data mean: frames and `now` in, frames out. No database, network, clock or screen."""
