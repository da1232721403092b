"""The distributor's side of the licence: making a key pair, trusting its public half, signing keys."""

import ast
import base64
import hashlib
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from training_methods import trusted_keys


class NoPrivateKey(Exception):
    """A file that holds no Ed25519 private key, said in a sentence."""


def key_id(public_key: Ed25519PublicKey) -> str:
    """Names a public key by its own bytes, so that two keys never share a name."""
    return hashlib.sha256(public_key.public_bytes_raw()).hexdigest()[:16]


def as_text(public_key: Ed25519PublicKey) -> str:
    return base64.b64encode(public_key.public_bytes_raw()).decode()


def create_private_key(path: Path) -> Ed25519PrivateKey:
    """A new key in a file that only its owner reads. Raises FileExistsError rather than replace one."""
    private_key = Ed25519PrivateKey.generate()
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    return private_key


def read_private_key(path: Path) -> Ed25519PrivateKey:
    try:
        private_key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise NoPrivateKey(f"The private key {path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private_key = None
    if not isinstance(private_key, Ed25519PrivateKey):
        raise NoPrivateKey(f"{path} holds no Ed25519 private key: make one with `license keygen`.")
    return private_key


def trust(public_key: Ed25519PublicKey, source: Path = Path(trusted_keys.__file__)) -> None:
    """Write the public key into the source file of the trusted ones. A running process keeps those it began with."""
    head, assignment, written = source.read_text().partition("TRUSTED_KEYS: dict[str, str] = ")
    keys = ast.literal_eval(written) | {key_id(public_key): as_text(public_key)}
    lines = "".join(f'    "{name}": "{key}",\n' for name, key in keys.items())
    draft = source.with_suffix(".draft")
    draft.write_text(f"{head}{assignment}{{\n{lines}}}\n")
    draft.replace(source)
