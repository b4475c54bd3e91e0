"""Pipeline health: which open deals are in trouble by their organization's own standards, and how often that was so."""
