"""The way in: webhooks, REST, live logs, pages, command line. Nothing is decided here; nothing imports this folder."""
