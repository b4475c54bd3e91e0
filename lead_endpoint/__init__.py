"""What the web sees: the room of the lead service, which posts from websites will enter by."""
