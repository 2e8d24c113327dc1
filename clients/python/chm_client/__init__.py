
""" A client library for accessing CHM, the Client Health Monitor """
from .client import AuthenticatedClient, Client

__all__ = (
    "AuthenticatedClient",
    "Client",
)
