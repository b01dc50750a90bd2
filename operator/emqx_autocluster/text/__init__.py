"""The text of others: how it is told, what of it is nobody's business, and what may become part of a name."""
