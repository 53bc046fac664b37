"""A real OpenID provider as a process of its own: `oidc-provider-mock`, which is made of Authlib.

Two things are added that it leaves out: PKCE is demanded and verified (RFC 7636), and the redirect
names its issuer (RFC 9207). Usage: `python openid_provider.py PORT USERS_JSON`.
"""

import json
import logging
import sys
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import flask
import oidc_provider_mock._app as provider
from authlib.integrations import flask_oauth2
from authlib.oauth2.rfc7636 import CodeChallenge
from oidc_provider_mock._storage import User
from werkzeug.serving import make_server

challenges: dict[str, str] = {}


class Grant(provider.AuthorizationCodeGrant):
    """Remembers the challenge of a code."""

    def save_authorization_code(self, code: str, request: Any) -> None:
        """Store the code as the provider does, and its challenge beside it."""
        super().save_authorization_code(code, request)
        challenges[code] = flask.request.args["code_challenge"]


class Verified(CodeChallenge):
    """Verifies the challenge of every code."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012 - Authlib's way to configure it

    def get_authorization_code_challenge(self, authorization_code: Any) -> str:
        """Return the expected hash of the verifier."""
        return challenges[authorization_code.code]

    def get_authorization_code_challenge_method(self, _: Any) -> str:
        """Return the only method there is."""
        return "S256"


class Server(flask_oauth2.AuthorizationServer):
    """Registers PKCE with the code grant."""

    def register_grant(self, grant: Any, extensions: Any = None) -> None:
        """Register a grant, the code grant with PKCE."""
        if grant is Grant:
            extensions = [*(extensions or []), Verified(required=True)]
        super().register_grant(grant, extensions)


def application(users: list[dict[str, Any]]) -> flask.Flask:
    """Make the provider with its users, each a set of claims."""
    provider.AuthorizationCodeGrant = Grant
    provider.flask_oauth2.AuthorizationServer = Server
    app = provider.app(
        require_nonce=True,
        user_claims=[User(sub=claims.pop("sub"), claims=claims) for claims in users],
    )

    @app.after_request
    def name_issuer(response: flask.Response) -> flask.Response:
        issuer = flask.request.host_url.rstrip("/")
        if flask.request.path == "/.well-known/openid-configuration":
            document = response.get_json()
            document["code_challenge_methods_supported"] = ["S256"]
            document["authorization_response_iss_parameter_supported"] = True
            response.set_data(json.dumps(document))
        if location := response.headers.get("location"):
            parts = urlsplit(location)
            query = f"{parts.query}&iss={issuer}"
            response.headers["location"] = urlunsplit(parts._replace(query=query))
        return response

    return app


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    # The debugger would answer failures with pages that show the process.
    made = application(json.loads(sys.argv[2]))
    made.debug = False
    make_server("127.0.0.1", int(sys.argv[1]), made, threaded=True).serve_forever()
