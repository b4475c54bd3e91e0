"""When things run: settings, wiring, jobs, command line. No business rules."""
