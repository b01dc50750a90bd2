"""`make demo`: three EMQX members that do not know each other, one annotation, and what follows."""
