from tests.e2e.forge.fixtures import git_server, gitea_prism, gitea_prism_url, prism, prism_url

__all__ = ["git_server", "gitea_prism", "gitea_prism_url", "prism", "prism_url"]
