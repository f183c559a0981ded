"""What a trace is, and the language that selects traces: plain values."""
