"""The routes, one file a subject: each takes a request apart, calls what decides, and answers. No decisions here."""
