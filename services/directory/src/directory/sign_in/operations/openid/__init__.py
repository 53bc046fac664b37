"""Speaking OpenID Connect to the company's provider: discovery, keys, code for id token."""

from directory.sign_in.operations.openid.client import OpenIdClient, openid_client

__all__ = ["OpenIdClient", "openid_client"]
