"""Who gets a lead, who is told of it, and what was changed by whom."""
