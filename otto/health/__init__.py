"""How well things are: breakers for the vendors, the node's warm pool, admission."""
