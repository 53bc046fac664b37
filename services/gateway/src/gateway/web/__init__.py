"""The web client: its files at `/`, and its sessions in cookies."""

from gateway.web.files import ClientMissing, Files
from gateway.web.pages import Pages
from gateway.web.sessions import Sessions

__all__ = ["ClientMissing", "Files", "Pages", "Sessions"]
