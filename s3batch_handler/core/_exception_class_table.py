"""Temporary and permanent exceptions of other libraries, by top-level package and class.

The keys of the tables are reasons, so that no name is listed without one. Tests compare the names
with ``docs/classification.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from s3batch_handler.core._model import ResultCode
from s3batch_handler.core._patterns import words

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPORARY_CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    "Standard library: timeouts, lost connections, damaged responses, temporary errors": words("""
        asyncio.IncompleteReadError builtins.ConnectionError builtins.TimeoutError
        ftplib.error_proto ftplib.error_temp http.BadStatusLine http.ImproperConnectionState
        http.IncompleteRead http.LineTooLong http.UnknownProtocol imaplib.abort
        multiprocessing.TimeoutError nntplib.NNTPProtocolError smtplib.SMTPServerDisconnected
        ssl.SSLError subprocess.TimeoutExpired urllib.ContentTooShortError xmlrpc.ResponseError
    """),
    "botocore, boto3 and s3transfer": words("""
        boto3.RetriesExceededError botocore.CapacityNotAvailableError botocore.ChecksumError
        botocore.ConnectionError botocore.CredentialRetrievalError
        botocore.EndpointDiscoveryRefreshFailed botocore.FlexibleChecksumError
        botocore.HTTPClientError botocore.IncompleteReadError botocore.MetadataRetrievalError
        botocore.ParserError botocore.ResponseParserError s3transfer.RetriesExceededError
        s3transfer.S3ValidationError
    """),
    "s3fs: the object was replaced while it was read": ("s3fs.FileExpired",),
    "Powertools: the same task is running or has just ended; a circuit breaker is open": words("""
        aws_lambda_powertools.CircuitBreakerOpenError
        aws_lambda_powertools.IdempotencyAlreadyInProgressError
        aws_lambda_powertools.IdempotencyInconsistentStateError
        aws_lambda_powertools.IdempotencyItemAlreadyExistsError
        aws_lambda_powertools.IdempotencyItemNotFoundError
        aws_lambda_powertools.IdempotencyPersistenceConnectionError
        aws_lambda_powertools.IdempotencyPersistenceConsistencyError
        aws_lambda_powertools.SQSFifoCircuitBreakerError
        aws_lambda_powertools.SQSFifoMessageGroupCircuitBreakerError
    """),
    "urllib3": words("""
        urllib3.DecodeError urllib3.EmptyPoolError urllib3.IncompleteRead urllib3.InvalidHeader
        urllib3.MaxRetryError urllib3.ProtocolError urllib3.ProxyError urllib3.ResponseError
        urllib3.SSLError urllib3.TimeoutError
    """),
    "requests": words("""
        requests.ChunkedEncodingError requests.ConnectionError requests.ContentDecodingError
        requests.RetryError requests.Timeout
    """),
    "httpx and httpcore": words("""
        httpcore.NetworkError httpcore.ProxyError httpcore.RemoteProtocolError
        httpcore.TimeoutException httpx.DecodingError httpx.NetworkError httpx.ProxyError
        httpx.RemoteProtocolError httpx.TimeoutException
    """),
    "aiohttp": (
        "aiohttp.ClientConnectionError",
        "aiohttp.ClientPayloadError",
        "aiohttp.HttpProcessingError",
    ),
    "redis and valkey": words("""
        redis.ClusterDownError redis.ConnectionError redis.InvalidResponse redis.ReadOnlyError
        redis.TimeoutError redis.TryAgainError valkey.ClusterDownError valkey.ConnectionError
        valkey.InvalidResponse valkey.ReadOnlyError valkey.TimeoutError valkey.TryAgainError
    """),
    "azure-core": (
        "azure.IncompleteReadError",
        "azure.ServiceRequestError",
        "azure.ServiceResponseError",
    ),
    "Google Cloud": words("""
        google.Aborted google.DataCorruption google.DataLoss google.RetryError
        google.TransferStalledError google.TransportError google.Unknown
    """),
    "gRPC and Arrow Flight": (
        "grpc.FutureTimeoutError",
        "pyarrow.FlightTimedOutError",
        "pyarrow.FlightUnavailableError",
    ),
    "PyMongo": ("pymongo.ConnectionFailure",),
    "SQLAlchemy: all connections of the pool were in use": ("sqlalchemy.TimeoutError",),
    "MySQL Connector/Python": (
        "mysql.ConnectionTimeoutError",
        "mysql.ReadTimeoutError",
        "mysql.WriteTimeoutError",
    ),
    "pika": (
        "pika.AMQPConnectionError",
        "pika.NackError",
    ),
    "Stripe": (
        "stripe.APIConnectionError",
        "stripe.RateLimitError",
    ),
    "psycopg and psycopg2": words("""
        psycopg.ConnectionTimeout psycopg2.AdminShutdown psycopg2.CannotConnectNow
        psycopg2.CrashShutdown psycopg2.DeadlockDetected psycopg2.LockNotAvailable
        psycopg2.SerializationFailure psycopg2.TooManyConnections psycopg_pool.PoolTimeout
        psycopg_pool.TooManyRequests
    """),
}
"""Exceptions that are worth a retry, most of them of a network, with their subclasses."""

UNTRUSTED: Final = words("""
    aiohttp.ClientConnectorCertificateError aiohttp.ServerFingerprintMismatch
    ssl.SSLCertVerificationError urllib3.CertificateError
""")
"""A certificate that is not trusted: permanent, also as the cause of a connection error."""

UNTRUSTED_TEXTS: Final = ("CERTIFICATE_VERIFY_FAILED", "certificate verify failed", "curlCode: 60,")
"""The same, in the texts of libraries that do not keep the exception: gRPC, PyMongo, pyarrow."""

PERMANENT_CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    "A certificate is not trusted": UNTRUSTED,
    "botocore: wrong parameters, no credentials, wrong configuration, and other errors": (
        "botocore.BotoCoreError",
    ),
    "Powertools: wrong code or configuration, or the record has another payload": words("""
        aws_lambda_powertools.IdempotencyInvalidStatusError
        aws_lambda_powertools.IdempotencyKeyError aws_lambda_powertools.IdempotencyModelTypeError
        aws_lambda_powertools.IdempotencyNoSerializationModelError
        aws_lambda_powertools.IdempotencyPersistenceConfigError
        aws_lambda_powertools.IdempotencyValidationError
        aws_lambda_powertools.UnexpectedBatchTypeError
    """),
    "The server reports a permanent error": words("""
        ftplib.error_perm nntplib.NNTPPermanentError pika.AuthenticationError
        pika.ProbableAccessDeniedError pika.ProbableAuthenticationError redis.AuthenticationError
        redis.AuthorizationError valkey.AuthenticationError valkey.AuthorizationError
    """),
    "The address or the request is invalid": words("""
        aiohttp.InvalidURL httpcore.LocalProtocolError httpcore.UnsupportedProtocol httpx.InvalidURL
        httpx.LocalProtocolError httpx.TooManyRedirects httpx.UnsupportedProtocol
        pika.NoFreeChannels requests.InvalidSchema requests.InvalidURL requests.MissingSchema
        requests.TooManyRedirects requests.URLRequired urllib3.LocationValueError
    """),
}
"""Exceptions that a retry raises again, with their subclasses."""

UNDECIDED_CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    "The result depends on the resource that was waited for": ("botocore.WaiterError",),
    "The result depends on why the persistence layer failed": (
        "aws_lambda_powertools.CircuitBreakerPersistenceError",
        "aws_lambda_powertools.IdempotencyPersistenceLayerError",
    ),
    "A header of the request or, if urllib3 raised it, of the response is invalid": (
        "requests.InvalidHeader",
    ),
    "It hides the failure of the first attempt to send the stream": (
        "botocore.UnseekableStreamError",
    ),
}
"""Exceptions for which the exception that they were raised from decides."""

CLASS_RESULTS: Final = {
    name: result
    for result, table in (
        (ResultCode.TEMPORARY_FAILURE, TEMPORARY_CLASSES),
        (ResultCode.PERMANENT_FAILURE, PERMANENT_CLASSES),
        (None, UNDECIDED_CLASSES),
    )
    for names in table.values()
    for name in names
}
"""The result code by the name of the class."""
