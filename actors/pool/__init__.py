"""The pool of a node's warm sandboxes. It knows no job semantics: what waits, and who takes it."""
