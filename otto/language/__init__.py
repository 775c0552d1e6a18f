"""What people say, and how things are said to them."""
