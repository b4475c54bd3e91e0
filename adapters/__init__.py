"""Vendors: one module per CRM behind one protocol. Knows nothing of our database or of other vendors' modules."""
