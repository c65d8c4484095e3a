"""Which lines of any log explain a failure: features of each, and a small model trained on labelled logs."""
