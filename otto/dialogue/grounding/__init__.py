"""What Otto may say: nothing that no tool has returned and no file of the dealership's says."""
