"""What we know and when we knew it: schema, sync, versions, rollups. All SQL lives here; the screen does not."""
