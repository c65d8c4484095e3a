"""Records, state machines, events, ports, settings and errors: pure, no input or output, imports nothing of Delta."""
