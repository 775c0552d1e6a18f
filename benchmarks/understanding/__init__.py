"""How well the product's own code understands callers, on sets labelled by hand."""
