"""What visitors did with forms, and where they came from: beacons, visits, counts by day, sources and campaigns."""
