"""What EMQX is and does, by version: its variables, discovery, names, ports, and who belongs to whom."""
