"""Temporary errors of other libraries, by a text, a number, a status or a module.

Tests compare the names with ``docs/classification.md``.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from s3batch_handler.core._exception_class_table import CLASS_RESULTS
from s3batch_handler.core._patterns import words

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOST_BY_POSTGRES: Final = (
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "Network is unreachable",
    "No route to host",
    "SSL SYSCALL error",
    "Temporary failure in name resolution",
    "connection already closed",
    "connection has been closed unexpectedly",
    "could not receive data from server",
    "could not send data to server",
    "server closed the connection unexpectedly",
    "terminating connection",
    "the connection is closed",
    "the connection is lost",
    "the database system is",
    "timeout expired",
    "too many clients already",
)

TEMPORARY_TEXTS: Final[Mapping[str, tuple[str, ...]]] = {
    # names of errors, without the prefix AWS_
    "awscrt.AwsCrtError": words("""
        AUTH_CREDENTIALS_PROVIDER_ECS_SOURCE_FAILURE AUTH_CREDENTIALS_PROVIDER_HTTP_STATUS_FAILURE
        AUTH_CREDENTIALS_PROVIDER_IMDS_SOURCE_FAILURE AUTH_CREDENTIALS_PROVIDER_STS_SOURCE_FAILURE
        ERROR_HTTP_CHANNEL_THROUGHPUT_FAILURE ERROR_HTTP_CONNECTION_CLOSED
        ERROR_HTTP_CONNECTION_MANAGER_ACQUISITION_TIMEOUT ERROR_HTTP_GOAWAY_RECEIVED
        ERROR_HTTP_PROXY_CONNECT_FAILED_RETRYABLE ERROR_HTTP_RESPONSE_FIRST_BYTE_TIMEOUT
        ERROR_HTTP_RST_STREAM_RECEIVED ERROR_HTTP_SERVER_CLOSED
        ERROR_S3EXPRESS_CREATE_SESSION_FAILED ERROR_S3_INTERNAL_ERROR ERROR_S3_OBJECT_MODIFIED
        ERROR_S3_REQUEST_TIMEOUT ERROR_S3_REQUEST_TIME_TOO_SKEWED
        ERROR_S3_RESPONSE_CHECKSUM_MISMATCH ERROR_S3_SLOW_DOWN IO_BROKEN_PIPE IO_DNS_QUERY_AGAIN
        IO_DNS_QUERY_FAILED IO_MAX_RETRIES_EXCEEDED IO_SOCKET_CLOSED IO_SOCKET_CONNECTION_REFUSED
        IO_SOCKET_CONNECT_ABORTED IO_SOCKET_NETWORK_DOWN IO_SOCKET_NOT_CONNECTED
        IO_SOCKET_NO_ROUTE_TO_HOST IO_SOCKET_TIMEOUT
    """),
    "asyncpg.InterfaceError": ("connection is closed",),
    "boto3.S3UploadFailedError": (),
    "imaplib.error": ("* BYE", "[INUSE]", "[SERVERBUG]", "[UNAVAILABLE]"),
    "minio.InvalidResponseError": ("Response code: 429", "Response code: 5"),
    "mysql.PoolError": ("pool exhausted",),
    "nntplib.NNTPTemporaryError": ("400 ", "403 "),
    "paramiko.SSHException": (
        "Authentication timeout",
        "EOF during negotiation",
        "Error reading SSH protocol banner",
        "Key-exchange timed out",
        "Negotiation failed",
        "No existing session",
        "SSH session not active",
        "Server connection dropped",
        "Timeout opening channel",
        "transport shut down or saw EOF",
    ),
    "pika.IncompatibleProtocolError": ("StreamLostError",),
    "poplib.error_proto": ("-ERR EOF", "[IN-USE]", "[LOGIN-DELAY]", "[SYS/TEMP]"),
    "psycopg.OperationalError": _LOST_BY_POSTGRES,
    "psycopg2.InterfaceError": _LOST_BY_POSTGRES,
    "psycopg2.OperationalError": _LOST_BY_POSTGRES,
    "redis.LockError": ("Unable to acquire lock",),
    "redis.ResponseError": ("BUSY Redis", "NOREPLICAS"),
    "s3transfer.S3CopyFailedError": ("did not match expected ETag",),
    "s3transfer.S3DownloadFailedError": ("did not match expected ETag",),
    "shutil.Error": (),
    "sqlite3.OperationalError": ("is locked", "locking protocol"),
    "valkey.LockError": ("Unable to acquire lock",),
    "valkey.ResponseError": ("BUSY Valkey", "BUSY Redis", "NOREPLICAS"),
}
"""Exceptions that are temporary if their message contains one of these texts.

If a message quotes errors of AWS (``An error occurred (SlowDown) when calling …``, ``AWS Error
SLOW_DOWN during … operation``) or numbers of the system (``[Errno 104]``), these are classified
together: S3CopyFailedError and ``shutil.Error`` list several failures. s3transfer mentions an ETag
only for a condition that it sets itself.
"""

ONLY_WITHOUT_CAUSE: Final = ("boto3.S3UploadFailedError",)
"""Exceptions whose message counts only if the chain was lost between processes."""

CRT_ERROR: Final = "awscrt.S3ResponseError"
"""The error that boto3's CRT transfers convert to a ClientError.

Only the original error shows that an object was replaced during the transfer.
"""

REPLY_CODES: Final[Mapping[str, str]] = {
    "smtplib.SMTPRecipientsRefused": "recipients",
    "smtplib.SMTPResponseException": "smtp_code",
}
"""Exceptions with an SMTP reply, and its attribute: 4xx is temporary, 5xx is permanent."""

_MYSQL_NUMBERS: Final = (
    0,  # the connection is closed, in PyMySQL
    1040,  # too many connections
    1053,  # server shutdown in progress
    1152,  # aborted connection
    1158,  # network: read error, read timeout, write error, write timeout
    1159,
    1160,
    1161,
    1184,  # aborted connection
    1203,  # too many connections of this user
    1205,  # lock wait timeout
    1213,  # deadlock
    1927,  # connection killed, in MariaDB
    2002,  # cannot connect
    2003,
    2006,  # server has gone away
    2013,  # lost connection during the query
    2055,  # lost connection
    3024,  # maximum execution time
    3101,  # rolled back by group replication
    3572,  # lock not available, NOWAIT
    4031,  # disconnected because of inactivity
)

ERROR_NUMBERS: Final[Mapping[str, tuple[str, tuple[int, ...]]]] = {
    "MySQLdb.Error": ("args", _MYSQL_NUMBERS),
    "mysql.Error": ("args", _MYSQL_NUMBERS),
    "paramiko.ChannelException": ("code", (2, 4)),  # connect failed, resource shortage
    "pika.ChannelClosed": ("reply_code", (405, 506, 541)),  # locked, resources, internal
    "pika.ConnectionClosed": ("reply_code", (320, 506, 541)),  # forced, resources, internal
    "pymongo.OperationFailure": (
        "code",
        (
            6,  # HostUnreachable
            7,  # HostNotFound
            24,  # LockTimeout
            50,  # MaxTimeMSExpired
            89,  # NetworkTimeout
            91,  # ShutdownInProgress
            112,  # WriteConflict
            134,  # ReadConcernMajorityNotAvailableYet
            189,  # PrimarySteppedDown
            262,  # ExceededTimeLimit
            9001,  # SocketException
            10058,  # LegacyNotPrimary
            10107,  # NotWritablePrimary
            11600,  # InterruptedAtShutdown
            11602,  # InterruptedDueToReplStateChange
            13435,  # NotPrimaryNoSecondaryOk
            13436,  # NotPrimaryOrSecondary
            16500,  # RequestRateTooLarge, of Azure Cosmos DB
        ),
    ),
    "pymysql.Error": ("args", _MYSQL_NUMBERS),
}
"""Exceptions with a number, the attribute that holds or begins with it, and temporary numbers.

Other numbers have no effect. The texts of MySQL depend on the language of the server.
"""

BULK_WRITE_ERROR: Final = "pymongo.BulkWriteError"
"""The exception of PyMongo with several errors, in the lists BULK_WRITE_LISTS of its details."""

BULK_WRITE_LISTS: Final = ("writeErrors", "writeConcernErrors")

SQLSTATES_IN: Final[Mapping[str, str]] = {
    "asyncpg.PostgresError": "sqlstate",
    "psycopg.Error": "sqlstate",
    "psycopg2.Error": "pgcode",
    "pyodbc.Error": "args",
}
"""Exceptions with an SQLSTATE, and the attribute that holds or begins with it."""

TEMPORARY_SQLSTATES: Final[Mapping[str, tuple[str, ...]]] = {
    "The connection failed": ("08",),
    "The transaction was idle or took too long": ("25P03", "25P04"),
    "The transaction was rolled back: a deadlock, a conflict": ("40",),
    "The server lacks resources": ("53",),
    "Another session holds the lock": ("55P03",),
    "An operator, a shutdown or a time limit ended the statement": ("57",),
    "ODBC: the connection or the statement timed out": ("HYT",),
}
"""Classes and codes of SQLSTATE that are worth a retry. Others have no effect."""

UNDECIDED_SQLSTATES: Final = ("08P01", "40002", "53400", "57P04")
"""Exceptions to the rule: a protocol violation, an integrity constraint, a configured limit, a
dropped database."""

RPC_ERROR: Final = "grpc.RpcError"
"""The exceptions of gRPC: their method ``code`` returns a status."""

TEMPORARY_RPC_STATUSES: Final = words("""
    ABORTED DATA_LOSS DEADLINE_EXCEEDED INTERNAL RESOURCE_EXHAUSTED UNAVAILABLE UNKNOWN
""")

PERMANENT_RPC_STATUSES: Final = words("""
    ALREADY_EXISTS FAILED_PRECONDITION INVALID_ARGUMENT NOT_FOUND OUT_OF_RANGE PERMISSION_DENIED
    UNAUTHENTICATED UNIMPLEMENTED
""")

PERMANENT_RPC_TEXTS: Final = ("Exception serializing request", "message larger than max")
"""A temporary status with one of these texts is about the message, and permanent."""

GOOGLE_REASONS_IN: Final[Mapping[str, str]] = {
    "google.GoogleAPICallError": "errors",
    "googleapiclient.HttpError": "error_details",
}
"""Exceptions of Google's clients with a list of errors, each with a ``reason``."""

TEMPORARY_GOOGLE_REASONS: Final = words("""
    backendError badGateway internalError jobBackendError jobInternalError jobRateLimitExceeded
    rateLimitExceeded userRateLimitExceeded
""")
"""Reasons that are temporary with any HTTP status, in any spelling (``RATE_LIMIT_EXCEEDED``).

``quotaExceeded`` and ``dailyLimitExceeded`` last for hours, so the status decides.
"""

MINIO_ERROR: Final = "minio.S3Error"
"""The exception of the MinIO client that has S3's error code in ``code``."""

NO_CONNECTION: Final = "NETWORK_CONNECTION"
"""The name of the AWS SDK for C++ for a request without a response."""

RETRY_FLAGS: Final[Mapping[str, str]] = {"kafka.KafkaError": "retriable"}
"""Exceptions with an attribute that is true if a retry makes sense."""

BULK_ERRORS: Final[Mapping[str, str]] = {
    "elasticsearch.BulkIndexError": "errors",
    "opensearchpy.BulkIndexError": "errors",
}
"""Exceptions with a list of actions, each with an HTTP status, and the list's attribute."""

TEMPORARY_PLACES: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "botocore could not parse the response": (
        ("aiobotocore.parsers", "botocore.eventstream", "botocore.parsers"),
        words("""
            builtins.ArithmeticError builtins.AttributeError builtins.LookupError builtins.TypeError
            builtins.ValueError
        """),
    ),
    "The response is not valid XML, or is truncated": (("xmlrpc.client",), ("xml.ExpatError",)),
    "The server closed the connection": (
        ("ftplib", "nntplib", "telnetlib"),
        ("builtins.EOFError",),
    ),
}
"""General exceptions that are temporary if one of these modules is in their traceback."""

STATUS_CLASSES: Final = words("""
    google.GoogleAPICallError twilio.TwilioRestException twilio.TwilioServiceException
    urllib.HTTPError
""")
"""Exceptions that hold an HTTP status in ``code`` or ``status``, even without ``headers``."""

STATUS_BY_HEADERS: Final = ("code", "status", "errcode")
"""Attributes that hold an HTTP status if the exception also has ``headers``."""

TEMPORARY_ERRNOS: Final = words("""
    EADDRNOTAVAIL EAGAIN EBUSY ECOMM ECONNABORTED ECONNREFUSED ECONNRESET EDEADLK EHOSTDOWN
    EHOSTUNREACH EINTR EMFILE ENETDOWN ENETRESET ENETUNREACH ENFILE ENOBUFS ENOLCK ENOLINK ENONET
    ENOTCONN EPIPE EPROTO EREMOTEIO ESHUTDOWN ESTALE ETIME ETIMEDOUT
""")
"""An OSError with one of these numbers is temporary, and ``socket.gaierror`` with ``EAI_AGAIN``."""

TEMPORARY_ERROR_NUMBERS: Final = {getattr(errno, name, None) for name in TEMPORARY_ERRNOS}

KNOWN_CLASSES: Final = {
    *CLASS_RESULTS,
    *TEMPORARY_TEXTS,
    *REPLY_CODES,
    *BULK_ERRORS,
    *ERROR_NUMBERS,
    *RETRY_FLAGS,
    BULK_WRITE_ERROR,
    RPC_ERROR,
    MINIO_ERROR,
}
"""The classes for which there is a rule."""
