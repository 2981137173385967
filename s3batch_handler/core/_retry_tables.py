"""What is known about errors of AWS and of other libraries, as tables.

The keys of the tables are reasons, so that no name is listed without one. Tests compare the names
with ``docs/classification.md``, and with what botocore itself retries.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final, NamedTuple

from s3batch_handler.core._model import ResultCode

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEMPORARY: Final = ResultCode.TEMPORARY_FAILURE
_PERMANENT: Final = ResultCode.PERMANENT_FAILURE

ANSWERS: Final = ("response", "last_response")
"""Attributes that hold AWS's response: of ClientError, and of botocore's WaiterError."""

STATUSES_BEHIND: Final = ("OriginalStatusCode", "RestApiStatusCode", "originalStatusCode")
"""Members of AWS's response with the HTTP status of what the service has called.

SageMaker and Bedrock answer with 424 if a model fails, MWAA with 400 if Airflow does.
"""

REQUEST_ID_HEADERS: Final = ("x-amz-request-id", "x-amzn-requestid")

MEMBERS: Final = "child_exceptions"
"""The attribute of Powertools' BatchProcessingError that holds the exceptions of its records."""

MEMBERS_OF: Final[Mapping[str, str]] = {"paramiko.NoValidConnectionsError": "errors"}
"""Other exceptions that hold exceptions, by address in this case, and the attribute."""

REASON_LISTS: Final = (
    "BulkEmailEntryResults",
    "CancellationReasons",
    "Entries",
    "Records",
    "RequestResponses",
    "Responses",
    "Status",
)
"""Lists in AWS's responses whose entries have a code if they failed."""

REASON_LIST_PARTS: Final = ("error", "fail", "unprocessed", "unsuccessful")
"""A list or a map in AWS's responses with one of these in its name has only entries that failed.

botocore's models have more than 80 such names: ``Errors``, ``FailedEntries``, ``ErrorList``.
botocore raises no exception for a call that succeeds in part. An exception that a user raises for
such a call usually has the response.
"""

REASON_KEYS: Final = (
    "errorcode",
    "code",
    "failurecode",
    "failurereasoncode",
    "statuscode",
    "errorname",
    "errortype",
    "exceptionname",
    "status",
)
"""Keys of the code in such an entry, or in a member of it with ``error`` in its name, in any case.

Glue has ``ErrorDetail.ErrorCode``, Amazon Location has ``Error.Code``.
"""

NO_REASONS: Final = ("none", "success")
"""Codes of entries that have not failed: of DynamoDB's transactions, and of SES."""

UNPROCESSED: Final = (
    "UnprocessedEntries",
    "UnprocessedItems",
    "UnprocessedKeys",
    "UnprocessedRecords",
    "unprocessedResourceKeys",
)
"""Lists and maps of items that AWS asks to send again; without codes."""

TEMPORARY_CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "Too many requests at a time": (
        "APICallRateForCustomerExceeded",
        "APICallRateForCustomerExceededFault",
        "ActiveSessionsExceededException",
        "ActiveStatementsExceededException",
        "ActiveWaitingRequestsExceededException",
        "ActivityWorkerLimitExceeded",
        "AutomationExecutionLimitExceededException",
        "BandwidthLimitExceeded",
        "ClientLimitExceededException",
        "ConnectionLimitExceededException",
        "DescribeAttachmentLimitExceeded",
        "ExecutionLimitExceeded",
        "LimitExceededException",
        "OperationLimitExceeded",
        "OpsMetadataTooManyUpdatesException",
        "OverLimit",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RateLimitExceededException",
        "ReportGenerationLimitExceeded",
        "RequestLimitExceeded",
        "RequestLimitExceededException",
        "SerialConsoleSessionLimitExceededException",
        "TooManyRequestException",
        "TooManyUpdates",
    ),
    "The service has a problem of its own": (
        "ModelStreamErrorException",
        "RetryLatestCommitFailedException",
        "ServerError",
        "ServerException",
        "ServiceError",
        "ServiceException",
        "ServiceFailure",
        "ServiceFault",
        "ServiceUnavailable",
        "ServiceUnavailableError",
        "ServiceUnavailableException",
        "SoftFailure",
        "TagOperationException",
        "TransientFailure",
        "WAFTagOperationException",
    ),
    "A dependency of the service is not available": (
        "CopyToRegionDisabledFault",
        "DatabaseUnavailableException",
        "DependentServiceUnavailableFault",
        "DirectoryUnavailableException",
        "EC2InstanceUnavailableException",
        "EventBridgeUnavailable",
        "FederationSourceRetryableException",
        "FleetCapacityExceededException",
        "GameSessionFullException",
        "InsufficientCapacityException",
        "KeyUnavailableException",
        "OutOfCapacityException",
        "OutpostOfflineException",
        "S3Exception",
        "SSMUnavailable",
        "SchemaRegistryUnavailableException",
        "SerialConsoleSessionUnavailableException",
        "SnapshotCopyDisabledFault",
        "StreamUnavailable",
        "TLDInMaintenance",
        "UpstreamUnavailable",
        "WAFUnavailableEntityException",
        "XksProxyInvalidResponseException",
    ),
    "The called resource is not ready yet": (
        "CodeArtifactUserDeletedException",
        "CodeArtifactUserPendingException",
        "DatabaseResumingException",
        "FinalizingOrganizationException",
        "QueueDeletedRecently",
        "ResourcePropagationDelayException",
        "SnapStartRegenerationFailureException",
        "StaleTag",
    ),
    "The request, or something behind the service, took too long": (
        "ClientTimeoutException",
        "ConnectorTimeoutException",
        "DependencyTimeoutException",
        "IDPCommunicationError",
        "KafkaTimeoutException",
        "ModelStreamError",
        "ModelTimeoutException",
        "OperationTimeoutException",
        "QueryTimeoutException",
        "RequestTimeout",
        "RequestTimeoutException",
        "StatementTimeoutException",
    ),
    "Somebody else is changing the same thing at this moment": (
        "AccountHasOngoingImportException",
        "AgentsAlreadyRunningAssessmentException",
        "BackfillLimitExceededException",
        "BackupInUseException",
        "ColumnStatisticsTaskRunningException",
        "ConditionalRequestConflict",
        "ConflictingOperation",
        "ConflictingOperationException",
        "CrawlerRunningException",
        "DataRepositoryTaskExecuting",
        "DeploymentAlreadyStartedException",
        "DuplicateRequest",
        "EventDataStoreHasOngoingImportException",
        "GenerationExistsException",
        "IntegrationConflictOperationFault",
        "InvalidClusterParameterGroupState",
        "InvalidEventSubscriptionState",
        "OperationAborted",
        "OperationAbortedException",
        "OptimisticLockException",
        "ReplicatedWriteConflictException",
        "ResourceDataSyncConflictException",
        "RetryableConflictException",
        "RoleModified",
        "ServerlessCacheAlreadyUnderMigrationFault",
        "SessionBusyException",
        "TransactionConflict",
        "TransactionConflictException",
        "WAFOptimisticLockException",
        "WAFServiceLinkedRoleErrorException",
    ),
    "Data was lost or damaged in transit": (
        "BadDigest",
        "ClientDisconnected",
        "EFSIOException",
        "IncompleteBody",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
    ),
    "The credentials are too old, or the clock is wrong: another environment has others": (
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "RequestInTheFuture",
        "RequestTimeTooSkewed",
        "TokenRefreshRequired",
    ),
    "A new bucket is not known everywhere yet": (
        "307",
        "Redirect",
    ),
}
"""AWS error codes that are worth another try, as they are sent. Case does not matter."""

TEMPORARY_PARTS: Final = (
    "concurrent",
    "inprogress",
    "internal",
    "notready",
    "slowdown",
    "temporar",
    "throttl",
    "toomanyrequests",
)
"""An AWS error code with one of these in it is temporary, unless it is one of PERMANENT_CODES."""


class Wording(NamedTuple):
    """A rule for AWS errors whose message decides, because the code alone is ambiguous.

    Attributes:
        verdict: The result code of an error to which the rule applies.
        codes: The error codes to which the rule applies; empty: all codes.
        texts: The rule applies if the message contains one of these, in any case.
        operations: The rule applies to these operations with any message.
    """

    verdict: ResultCode
    codes: tuple[str, ...]
    texts: tuple[str, ...]
    operations: tuple[str, ...] = ()


MESSAGES: Final[Mapping[str, Wording]] = {
    "The request was signed too long ago, or the clock is wrong": Wording(
        _TEMPORARY,
        (),
        ("signature expired", "signature not yet current", "request has expired"),
    ),
    "Lambda could not prepare the function": Wording(
        _PERMANENT, ("ResourceConflictException",), ("following state: failed",)
    ),
    "Lambda is preparing or updating the function": Wording(
        _TEMPORARY,
        ("ResourceConflictException",),
        ("cannot be performed at this time", "in progress", "following state: pending"),
        ("Invoke", "InvokeAsync", "InvokeWithResponseStream"),
    ),
}
"""Rules for codes that are ambiguous. The first rule that applies decides."""

PERMANENT_CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "What the task is about is not there": (
        "NoSuchBucket",
        "NoSuchKey",
        "NoSuchUpload",
        "NoSuchVersion",
        "NotFound",
        "ResourceNotFoundException",
    ),
    "It is not allowed": (
        "AccessDenied",
        "AccessDeniedException",
        "AccountProblem",
        "AllAccessDisabled",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "KMS.DisabledException",
        "SignatureDoesNotMatch",
        "UnauthorizedOperation",
        "UnrecognizedClientException",
    ),
    "The object or item is in the wrong state": (
        "ConditionalCheckFailed",
        "ConditionalCheckFailedException",
        "DuplicateItem",
        "InvalidObjectState",
        "MethodNotAllowed",
        "ObjectAlreadyInActiveTierError",
        "PreconditionFailed",
        "RestoreAlreadyInProgress",
    ),
    "The request itself is wrong": (
        "AuthorizationHeaderMalformed",
        "EntityTooLarge",
        "InvalidArgument",
        "InvalidBucketName",
        "InvalidRange",
        "InvalidRequest",
        "ItemCollectionSizeLimitExceeded",
        "KeyTooLongError",
        "MalformedXML",
        "NotImplemented",
        "PermanentRedirect",
        "ValidationError",
        "ValidationException",
    ),
}
"""AWS error codes that stay as they are, whatever HTTP status comes with them."""

HTTP_STATUSES: Final[Mapping[int, tuple[ResultCode, str]]] = {
    408: (_TEMPORARY, "Request Timeout"),
    425: (_TEMPORARY, "Too Early"),
    429: (_TEMPORARY, "Too Many Requests"),
    449: (_TEMPORARY, "Retry With"),
    501: (_PERMANENT, "Not Implemented"),
    505: (_PERMANENT, "HTTP Version Not Supported"),
}
"""What differs from the rule: 5xx is temporary, 4xx is permanent."""

TEMPORARY_CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    "Standard library: timeouts, lost connections, damaged responses, temporary errors": (
        "asyncio.IncompleteReadError",
        "builtins.ConnectionError",
        "builtins.TimeoutError",
        "ftplib.error_proto",
        "ftplib.error_temp",
        "http.BadStatusLine",
        "http.ImproperConnectionState",
        "http.IncompleteRead",
        "http.LineTooLong",
        "http.UnknownProtocol",
        "imaplib.abort",
        "multiprocessing.TimeoutError",
        "nntplib.NNTPProtocolError",
        "smtplib.SMTPServerDisconnected",
        "ssl.SSLError",
        "subprocess.TimeoutExpired",
        "urllib.ContentTooShortError",
        "xmlrpc.ResponseError",
    ),
    "botocore, boto3 and s3transfer": (
        "boto3.RetriesExceededError",
        "botocore.CapacityNotAvailableError",
        "botocore.ChecksumError",
        "botocore.ConnectionError",
        "botocore.CredentialRetrievalError",
        "botocore.EndpointDiscoveryRefreshFailed",
        "botocore.FlexibleChecksumError",
        "botocore.HTTPClientError",
        "botocore.IncompleteReadError",
        "botocore.MetadataRetrievalError",
        "botocore.ParserError",
        "botocore.ResponseParserError",
        "s3transfer.RetriesExceededError",
        "s3transfer.S3ValidationError",
    ),
    "s3fs: the object was replaced while it was read": ("s3fs.FileExpired",),
    "Powertools: the same task is running or has just ended; a circuit breaker is open": (
        "aws_lambda_powertools.CircuitBreakerOpenError",
        "aws_lambda_powertools.IdempotencyAlreadyInProgressError",
        "aws_lambda_powertools.IdempotencyInconsistentStateError",
        "aws_lambda_powertools.IdempotencyItemAlreadyExistsError",
        "aws_lambda_powertools.IdempotencyItemNotFoundError",
        "aws_lambda_powertools.IdempotencyPersistenceConnectionError",
        "aws_lambda_powertools.IdempotencyPersistenceConsistencyError",
        "aws_lambda_powertools.SQSFifoCircuitBreakerError",
        "aws_lambda_powertools.SQSFifoMessageGroupCircuitBreakerError",
    ),
    "urllib3": (
        "urllib3.DecodeError",
        "urllib3.EmptyPoolError",
        "urllib3.IncompleteRead",
        "urllib3.InvalidHeader",
        "urllib3.MaxRetryError",
        "urllib3.ProtocolError",
        "urllib3.ProxyError",
        "urllib3.ResponseError",
        "urllib3.SSLError",
        "urllib3.TimeoutError",
    ),
    "requests": (
        "requests.ChunkedEncodingError",
        "requests.ConnectionError",
        "requests.ContentDecodingError",
        "requests.RetryError",
        "requests.Timeout",
    ),
    "httpx and httpcore": (
        "httpcore.NetworkError",
        "httpcore.ProxyError",
        "httpcore.RemoteProtocolError",
        "httpcore.TimeoutException",
        "httpx.DecodingError",
        "httpx.NetworkError",
        "httpx.ProxyError",
        "httpx.RemoteProtocolError",
        "httpx.TimeoutException",
    ),
    "aiohttp": (
        "aiohttp.ClientConnectionError",
        "aiohttp.ClientPayloadError",
        "aiohttp.HttpProcessingError",
    ),
    "redis and valkey": (
        "redis.ClusterDownError",
        "redis.ConnectionError",
        "redis.InvalidResponse",
        "redis.ReadOnlyError",
        "redis.TimeoutError",
        "redis.TryAgainError",
        "valkey.ClusterDownError",
        "valkey.ConnectionError",
        "valkey.InvalidResponse",
        "valkey.ReadOnlyError",
        "valkey.TimeoutError",
        "valkey.TryAgainError",
    ),
    "azure-core": (
        "azure.IncompleteReadError",
        "azure.ServiceRequestError",
        "azure.ServiceResponseError",
    ),
    "Google Cloud": (
        "google.Aborted",
        "google.DataCorruption",
        "google.DataLoss",
        "google.RetryError",
        "google.TransferStalledError",
        "google.TransportError",
        "google.Unknown",
    ),
    "gRPC and Arrow Flight": (
        "grpc.FutureTimeoutError",
        "pyarrow.FlightTimedOutError",
        "pyarrow.FlightUnavailableError",
    ),
    "PyMongo": ("pymongo.ConnectionFailure",),
    "SQLAlchemy: no connection of the pool became free": ("sqlalchemy.TimeoutError",),
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
    "psycopg and psycopg2": (
        "psycopg.ConnectionTimeout",
        "psycopg2.AdminShutdown",
        "psycopg2.CannotConnectNow",
        "psycopg2.CrashShutdown",
        "psycopg2.DeadlockDetected",
        "psycopg2.LockNotAvailable",
        "psycopg2.SerializationFailure",
        "psycopg2.TooManyConnections",
        "psycopg_pool.PoolTimeout",
        "psycopg_pool.TooManyRequests",
    ),
}
"""Exceptions of a network that may work again in a minute, with all that inherit from them."""

UNTRUSTED: Final = (
    "aiohttp.ClientConnectorCertificateError",
    "aiohttp.ServerFingerprintMismatch",
    "ssl.SSLCertVerificationError",
    "urllib3.CertificateError",
)
"""A certificate that is not trusted: permanent, also as the cause of a connection error."""

UNTRUSTED_TEXTS: Final = ("CERTIFICATE_VERIFY_FAILED", "certificate verify failed", "curlCode: 60,")
"""The same, in the texts of libraries that keep no exception of it: gRPC, PyMongo, pyarrow."""

PERMANENT_CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    "A certificate is not trusted": UNTRUSTED,
    "botocore: wrong parameters, no credentials, wrong configuration, and all the rest": (
        "botocore.BotoCoreError",
    ),
    "Powertools: wrong code or configuration, or the record has another payload": (
        "aws_lambda_powertools.IdempotencyInvalidStatusError",
        "aws_lambda_powertools.IdempotencyKeyError",
        "aws_lambda_powertools.IdempotencyModelTypeError",
        "aws_lambda_powertools.IdempotencyNoSerializationModelError",
        "aws_lambda_powertools.IdempotencyPersistenceConfigError",
        "aws_lambda_powertools.IdempotencyValidationError",
        "aws_lambda_powertools.UnexpectedBatchTypeError",
    ),
    "The server reports a permanent error": (
        "ftplib.error_perm",
        "nntplib.NNTPPermanentError",
        "pika.AuthenticationError",
        "pika.ProbableAccessDeniedError",
        "pika.ProbableAuthenticationError",
        "redis.AuthenticationError",
        "redis.AuthorizationError",
        "valkey.AuthenticationError",
        "valkey.AuthorizationError",
    ),
    "The address or the request cannot be right": (
        "aiohttp.InvalidURL",
        "httpcore.LocalProtocolError",
        "httpcore.UnsupportedProtocol",
        "httpx.InvalidURL",
        "httpx.LocalProtocolError",
        "httpx.TooManyRedirects",
        "httpx.UnsupportedProtocol",
        "pika.NoFreeChannels",
        "requests.InvalidSchema",
        "requests.InvalidURL",
        "requests.MissingSchema",
        "requests.TooManyRedirects",
        "requests.URLRequired",
        "urllib3.LocationValueError",
    ),
}
"""Exceptions that come again each time, with all that inherit from them."""

UNDECIDED_CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    "It depends on what was waited for": ("botocore.WaiterError",),
    "The verdict depends on why the persistence layer failed": (
        "aws_lambda_powertools.CircuitBreakerPersistenceError",
        "aws_lambda_powertools.IdempotencyPersistenceLayerError",
    ),
    "The header is one of the request, or, if urllib3 raised it, of the response": (
        "requests.InvalidHeader",
    ),
    "It hides the failure after which the stream was to be sent again": (
        "botocore.UnseekableStreamError",
    ),
}
"""Exceptions without an opinion of their own: what they were raised from decides."""

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
    "awscrt.AwsCrtError": (  # names of errors, without the prefix AWS_
        "AUTH_CREDENTIALS_PROVIDER_ECS_SOURCE_FAILURE",
        "AUTH_CREDENTIALS_PROVIDER_HTTP_STATUS_FAILURE",
        "AUTH_CREDENTIALS_PROVIDER_IMDS_SOURCE_FAILURE",
        "AUTH_CREDENTIALS_PROVIDER_STS_SOURCE_FAILURE",
        "ERROR_HTTP_CHANNEL_THROUGHPUT_FAILURE",
        "ERROR_HTTP_CONNECTION_CLOSED",
        "ERROR_HTTP_CONNECTION_MANAGER_ACQUISITION_TIMEOUT",
        "ERROR_HTTP_GOAWAY_RECEIVED",
        "ERROR_HTTP_PROXY_CONNECT_FAILED_RETRYABLE",
        "ERROR_HTTP_RESPONSE_FIRST_BYTE_TIMEOUT",
        "ERROR_HTTP_RST_STREAM_RECEIVED",
        "ERROR_HTTP_SERVER_CLOSED",
        "ERROR_S3EXPRESS_CREATE_SESSION_FAILED",
        "ERROR_S3_INTERNAL_ERROR",
        "ERROR_S3_OBJECT_MODIFIED",
        "ERROR_S3_REQUEST_TIMEOUT",
        "ERROR_S3_REQUEST_TIME_TOO_SKEWED",
        "ERROR_S3_RESPONSE_CHECKSUM_MISMATCH",
        "ERROR_S3_SLOW_DOWN",
        "IO_BROKEN_PIPE",
        "IO_DNS_QUERY_AGAIN",
        "IO_DNS_QUERY_FAILED",
        "IO_MAX_RETRIES_EXCEEDED",
        "IO_SOCKET_CLOSED",
        "IO_SOCKET_CONNECTION_REFUSED",
        "IO_SOCKET_CONNECT_ABORTED",
        "IO_SOCKET_NETWORK_DOWN",
        "IO_SOCKET_NOT_CONNECTED",
        "IO_SOCKET_NO_ROUTE_TO_HOST",
        "IO_SOCKET_TIMEOUT",
    ),
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
SLOW_DOWN during … operation``) or numbers of the system (``[Errno 104]``), these are judged
together: S3CopyFailedError and ``shutil.Error`` list several failures. s3transfer mentions an ETag
for a condition of its own; users cannot set it.
"""

CHAINED: Final = ("boto3.S3UploadFailedError",)
"""Exceptions whose message counts only if the chain was lost between processes."""

TRANSLATED: Final = "awscrt.S3ResponseError"
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

Other numbers are no opinion. The texts of MySQL depend on the language of the server.
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
    "Somebody else holds the lock": ("55P03",),
    "An operator, a shutdown or a time limit ended the statement": ("57",),
    "ODBC: the connection or the statement timed out": ("HYT",),
}
"""Classes and codes that are worth another try. Others have no opinion."""

UNDECIDED_SQLSTATES: Final = ("08P01", "40002", "53400", "57P04")
"""Exceptions to the rule: a protocol violation, an integrity constraint, a configured limit, a
dropped database."""

RPC_ERROR: Final = "grpc.RpcError"
"""The exceptions of gRPC: their method ``code`` returns a status."""

TEMPORARY_RPC_STATUSES: Final = (
    "ABORTED",
    "DATA_LOSS",
    "DEADLINE_EXCEEDED",
    "INTERNAL",
    "RESOURCE_EXHAUSTED",
    "UNAVAILABLE",
    "UNKNOWN",
)

PERMANENT_RPC_STATUSES: Final = (
    "ALREADY_EXISTS",
    "FAILED_PRECONDITION",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "OUT_OF_RANGE",
    "PERMISSION_DENIED",
    "UNAUTHENTICATED",
    "UNIMPLEMENTED",
)

PERMANENT_RPC_TEXTS: Final = ("Exception serializing request", "message larger than max")
"""A temporary status with one of these texts is about the message, and permanent."""

GOOGLE_REASONS_IN: Final[Mapping[str, str]] = {
    "google.GoogleAPICallError": "errors",
    "googleapiclient.HttpError": "error_details",
}
"""Exceptions of Google's clients with a list of errors, each with a ``reason``."""

TEMPORARY_GOOGLE_REASONS: Final = (
    "backendError",
    "badGateway",
    "internalError",
    "jobBackendError",
    "jobInternalError",
    "jobRateLimitExceeded",
    "rateLimitExceeded",
    "userRateLimitExceeded",
)
"""Reasons that are temporary with any HTTP status, in any spelling (``RATE_LIMIT_EXCEEDED``).

``quotaExceeded`` and ``dailyLimitExceeded`` last for hours, so the status decides.
"""

MINIO_ERROR: Final = "minio.S3Error"
"""The exception of the MinIO client that has S3's error code in ``code``."""

NO_CONNECTION: Final = "NETWORK_CONNECTION"
"""The name of the AWS SDK for C++ for a request without a response."""

RETRY_FLAGS: Final[Mapping[str, str]] = {"kafka.KafkaError": "retriable"}
"""Exceptions that say themselves whether to retry, and the attribute that is then true."""

BULK_ERRORS: Final[Mapping[str, str]] = {
    "elasticsearch.BulkIndexError": "errors",
    "opensearchpy.BulkIndexError": "errors",
}
"""Exceptions with a list of actions, each with an HTTP status, and the list's attribute."""

TEMPORARY_PLACES: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "botocore could not parse the response": (
        ("aiobotocore.parsers", "botocore.eventstream", "botocore.parsers"),
        (
            "builtins.ArithmeticError",
            "builtins.AttributeError",
            "builtins.LookupError",
            "builtins.TypeError",
            "builtins.ValueError",
        ),
    ),
    "The response is not valid XML, or is truncated": (("xmlrpc.client",), ("xml.ExpatError",)),
    "The server closed the connection": (
        ("ftplib", "nntplib", "telnetlib"),
        ("builtins.EOFError",),
    ),
}
"""General exceptions that are temporary if one of these modules is in their traceback."""

CAUSES: Final = ("inner_exception", "orig", "reason")
"""Attributes that hold what an exception was raised from, where its chain does not: of azure-core,
and of SQLAlchemy, urllib and urllib3 if the exception comes from another process."""

REMOTE_TRACEBACKS: Final = (
    "concurrent._RemoteTraceback",
    "joblib._RemoteTraceback",
    "loky._RemoteTraceback",
    "multiprocess.RemoteTraceback",
    "multiprocessing.RemoteTraceback",
)
"""What exceptions from other processes have instead of their chain: a text that quotes it."""

WITH_STATUS: Final = (
    "google.GoogleAPICallError",
    "twilio.TwilioRestException",
    "twilio.TwilioServiceException",
    "urllib.HTTPError",
)
"""Exceptions that hold an HTTP status in ``code`` or ``status``, even without ``headers``."""

STATUS_BY_HEADERS: Final = ("code", "status", "errcode")
"""Attributes that hold an HTTP status if the exception also has ``headers``."""

TEMPORARY_ERRNOS: Final = (
    "EADDRNOTAVAIL",
    "EAGAIN",
    "EBUSY",
    "ECOMM",
    "ECONNABORTED",
    "ECONNREFUSED",
    "ECONNRESET",
    "EDEADLK",
    "EHOSTDOWN",
    "EHOSTUNREACH",
    "EINTR",
    "EMFILE",
    "ENETDOWN",
    "ENETRESET",
    "ENETUNREACH",
    "ENFILE",
    "ENOBUFS",
    "ENOLCK",
    "ENOLINK",
    "ENONET",
    "ENOTCONN",
    "EPIPE",
    "EPROTO",
    "EREMOTEIO",
    "ESHUTDOWN",
    "ESTALE",
    "ETIME",
    "ETIMEDOUT",
)
"""An OSError with one of these numbers is temporary, and ``socket.gaierror`` with ``EAI_AGAIN``."""


def _by_name(
    *parts: tuple[ResultCode | None, Mapping[str, tuple[str, ...]]],
) -> dict[str, ResultCode | None]:
    return {name: code for code, part in parts for names in part.values() for name in names}


# ---------------------------------------------------------------- the same, by name

CODE_RESULTS: Final = {
    name.lower(): code
    for name, code in _by_name(
        (_TEMPORARY, {**TEMPORARY_CODES, "": UNPROCESSED}), (_PERMANENT, PERMANENT_CODES)
    ).items()
}
TEMPORARY_ERROR_NUMBERS: Final = {getattr(errno, name, None) for name in TEMPORARY_ERRNOS}
CLASS_RESULTS: Final = _by_name(
    (_TEMPORARY, TEMPORARY_CLASSES),
    (_PERMANENT, PERMANENT_CLASSES),
    (None, UNDECIDED_CLASSES),
)
LOWERED_GOOGLE_REASONS: Final = {reason.lower() for reason in TEMPORARY_GOOGLE_REASONS}
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
