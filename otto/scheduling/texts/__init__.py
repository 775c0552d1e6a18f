"""Text messages: who may be texted, codes that prove a number, and sending once."""
