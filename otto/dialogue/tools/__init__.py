"""What the model may ask for, and when."""
