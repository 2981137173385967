"""A certificate for a server on loopback, signed by an authority of its own."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path


class Certificate(NamedTuple):
    """A certificate of ``127.0.0.1``.

    Attributes:
        authority: The file with the certificate of the authority.
        server: The context of a server.
    """

    authority: Path
    server: ssl.SSLContext


def new_certificate(folder: Path, *, is_strict: bool = False) -> Certificate:
    """Create a certificate as companies often do: without the extensions of RFC 5280.

    Python 3.13 refuses it by default. botocore does not. With ``is_strict`` it has them.
    """
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _named("authority")
    roots = _signed(
        *(authority, authority, authority_key, authority_key),
        is_authority=True,
        is_strict=is_strict,
    )
    leaf = _signed(
        *(_named("server"), authority, key, authority_key),
        is_authority=False,
        is_strict=is_strict,
    )
    paths = folder / "authority.pem", folder / "server.pem"
    paths[0].write_bytes(roots.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + leaf.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths[1])
    return Certificate(paths[0], context)


_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signing_key: ec.EllipticCurvePrivateKey,
    *,
    is_authority: bool,
    is_strict: bool,
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(is_authority, None), critical=is_strict)
    )
    if is_strict:
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key())
        own_key = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(issuer_key, critical=False)
        builder = builder.add_extension(own_key, critical=False)
    if is_strict and is_authority:
        usage = dict.fromkeys(_USAGES, False) | {"key_cert_sign": True, "crl_sign": True}
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
    if not is_authority:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signing_key, hashes.SHA256())
