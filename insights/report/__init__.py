"""The weekly report: what is measured becomes a document of text and pictures, and that becomes HTML, PDF and mail."""
