from tests.e2e.forge.fixtures import git_server, prism, prism_url

__all__ = ["git_server", "prism", "prism_url"]
