"""`make hostile`: all that a tenant can do against others, in one cluster at once, and what it costs them."""
