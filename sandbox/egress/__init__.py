"""The proxy in a sandbox's door: who may be asked for, who answers, what is told of it. Nothing here runs inside."""
