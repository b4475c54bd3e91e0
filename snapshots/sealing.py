"""How secrets are encrypted at rest and tokens signed: a key per purpose, derived from SECRET_KEY (HKDF, RFC 5869)."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derived_key(secret_key: str, purpose: bytes) -> bytes:
    """32 bytes for this purpose alone."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(secret_key.encode())


def cipher(secret_key: str, purpose: bytes) -> Fernet:
    """purpose: keeps what is sealed for one from being opened for another."""
    return Fernet(base64.urlsafe_b64encode(derived_key(secret_key, purpose)))
