"""Everything an operator may set: the environment (`settings`) and the dealership's file."""
