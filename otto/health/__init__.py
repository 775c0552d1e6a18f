"""How well the things Otto depends on are: breakers for the vendors."""
