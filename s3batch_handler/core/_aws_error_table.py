"""Temporary and permanent errors of AWS: codes, parts of codes, messages and HTTP statuses.

The keys of the tables are reasons, so that no name is listed without one. Tests compare the names
with ``docs/classification.md``, and with what botocore itself retries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from s3batch_handler.core._model import ResultCode
from s3batch_handler.core._patterns import words

if TYPE_CHECKING:
    from collections.abc import Mapping

_TEMPORARY: Final = ResultCode.TEMPORARY_FAILURE
_PERMANENT: Final = ResultCode.PERMANENT_FAILURE

RESPONSE_ATTRIBUTES: Final = ("response", "last_response")
"""Attributes with AWS's response: of ClientError, and of botocore's WaiterError."""

ORIGINAL_STATUSES: Final = ("OriginalStatusCode", "RestApiStatusCode", "originalStatusCode")
"""Members of AWS's response with the HTTP status that a called model or server returned.

SageMaker and Bedrock respond with 424 if a model fails, MWAA with 400 if Airflow fails.
"""

REQUEST_ID_HEADERS: Final = ("x-amz-request-id", "x-amzn-requestid")

REASON_LISTS: Final = words("""
    BulkEmailEntryResults CancellationReasons Entries Records RequestResponses Responses Status
""")
"""Lists in AWS's responses whose entries have a code if they failed."""

REASON_LIST_PARTS: Final = ("error", "fail", "unprocessed", "unsuccessful")
"""A list or a map in AWS's responses with one of these in its name has only entries that failed.

botocore's models have more than 80 such names: ``Errors``, ``FailedEntries``, ``ErrorList``.
botocore raises no exception for a call that succeeds in part. An exception that a user raises for
such a call usually has the response.
"""

REASON_KEYS: Final = words("""
    errorcode code failurecode failurereasoncode statuscode errorname errortype exceptionname status
""")
"""Keys of the code in such an entry, or in a member of it with ``error`` in its name, in any case.

Glue has ``ErrorDetail.ErrorCode``, Amazon Location has ``Error.Code``.
"""

SUCCESS_CODES: Final = ("none", "success")
"""Codes of entries that have not failed: of DynamoDB's transactions, and of SES."""

UNPROCESSED: Final = words("""
    UnprocessedEntries UnprocessedItems UnprocessedKeys UnprocessedRecords unprocessedResourceKeys
""")
"""Lists and maps of items that the caller should send again; they have no codes."""

TEMPORARY_CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "Too many requests at the same time": words("""
        APICallRateForCustomerExceeded APICallRateForCustomerExceededFault
        ActiveSessionsExceededException ActiveStatementsExceededException
        ActiveWaitingRequestsExceededException ActivityWorkerLimitExceeded
        AutomationExecutionLimitExceededException BandwidthLimitExceeded
        ClientLimitExceededException ConnectionLimitExceededException
        DescribeAttachmentLimitExceeded ExecutionLimitExceeded LimitExceededException
        OperationLimitExceeded OpsMetadataTooManyUpdatesException OverLimit PriorRequestNotComplete
        ProvisionedThroughputExceeded ProvisionedThroughputExceededException
        RateLimitExceededException ReportGenerationLimitExceeded RequestLimitExceeded
        RequestLimitExceededException SerialConsoleSessionLimitExceededException
        TooManyRequestException TooManyUpdates
    """),
    "The service has an internal problem": words("""
        ModelStreamErrorException RetryLatestCommitFailedException ServerError ServerException
        ServiceError ServiceException ServiceFailure ServiceFault ServiceUnavailable
        ServiceUnavailableError ServiceUnavailableException SoftFailure TagOperationException
        TransientFailure WAFTagOperationException
    """),
    "A dependency of the service is not available": words("""
        CopyToRegionDisabledFault DatabaseUnavailableException DependentServiceUnavailableFault
        DirectoryUnavailableException EC2InstanceUnavailableException EventBridgeUnavailable
        FederationSourceRetryableException FleetCapacityExceededException GameSessionFullException
        InsufficientCapacityException KeyUnavailableException OutOfCapacityException
        OutpostOfflineException S3Exception SSMUnavailable SchemaRegistryUnavailableException
        SerialConsoleSessionUnavailableException SnapshotCopyDisabledFault StreamUnavailable
        TLDInMaintenance UpstreamUnavailable WAFUnavailableEntityException
        XksProxyInvalidResponseException
    """),
    "The called resource is not ready yet": words("""
        CodeArtifactUserDeletedException CodeArtifactUserPendingException DatabaseResumingException
        FinalizingOrganizationException QueueDeletedRecently ResourcePropagationDelayException
        SnapStartRegenerationFailureException StaleTag
    """),
    "The request, or something behind the service, took too long": words("""
        ClientTimeoutException ConnectorTimeoutException DependencyTimeoutException
        IDPCommunicationError KafkaTimeoutException ModelStreamError ModelTimeoutException
        OperationTimeoutException QueryTimeoutException RequestTimeout RequestTimeoutException
        StatementTimeoutException
    """),
    "Another request is changing the same resource": words("""
        AccountHasOngoingImportException AgentsAlreadyRunningAssessmentException
        BackfillLimitExceededException BackupInUseException ColumnStatisticsTaskRunningException
        ConditionalRequestConflict ConflictingOperation ConflictingOperationException
        CrawlerRunningException DataRepositoryTaskExecuting DeploymentAlreadyStartedException
        DuplicateRequest EventDataStoreHasOngoingImportException GenerationExistsException
        IntegrationConflictOperationFault InvalidClusterParameterGroupState
        InvalidEventSubscriptionState OperationAborted OperationAbortedException
        OptimisticLockException ReplicatedWriteConflictException ResourceDataSyncConflictException
        RetryableConflictException RoleModified ServerlessCacheAlreadyUnderMigrationFault
        SessionBusyException TransactionConflict TransactionConflictException
        WAFOptimisticLockException WAFServiceLinkedRoleErrorException
    """),
    "Data was lost or damaged in transit": words("""
        BadDigest ClientDisconnected EFSIOException IncompleteBody XAmzContentChecksumMismatch
        XAmzContentSHA256Mismatch
    """),
    "The credentials have expired, or the clock of the environment is wrong": words("""
        ExpiredToken ExpiredTokenException RequestExpired RequestInTheFuture RequestTimeTooSkewed
        TokenRefreshRequired
    """),
    "A new bucket is not available everywhere yet": (
        "307",
        "Redirect",
    ),
}
"""AWS error codes that are worth a retry, as AWS sends them. They are compared without case."""

TEMPORARY_PARTS: Final = words("""
    concurrent inprogress internal notready slowdown temporar throttl toomanyrequests
""")
"""Parts of codes: a code that contains one is temporary, unless PERMANENT_CODES has it."""


class MessageRule(NamedTuple):
    """A rule for AWS errors whose message decides, because the code alone is ambiguous.

    Attributes:
        result: The result code of an error to which the rule applies.
        codes: The error codes to which the rule applies; empty: all codes.
        texts: The rule applies if the message contains one of these, in any case.
        operations: The rule applies to these operations with any message.
    """

    result: ResultCode
    codes: tuple[str, ...]
    texts: tuple[str, ...]
    operations: tuple[str, ...] = ()


MESSAGE_RULES: Final[Mapping[str, MessageRule]] = {
    "The request was signed too long ago, or the clock is wrong": MessageRule(
        _TEMPORARY,
        (),
        ("signature expired", "signature not yet current", "request has expired"),
    ),
    "Lambda could not prepare the function": MessageRule(
        _PERMANENT, ("ResourceConflictException",), ("following state: failed",)
    ),
    "Lambda is preparing or updating the function": MessageRule(
        _TEMPORARY,
        ("ResourceConflictException",),
        ("cannot be performed at this time", "in progress", "following state: pending"),
        ("Invoke", "InvokeAsync", "InvokeWithResponseStream"),
    ),
}
"""Rules for codes that are ambiguous. The first rule that applies decides."""

PERMANENT_CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "The resource does not exist": words("""
        NoSuchBucket NoSuchKey NoSuchUpload NoSuchVersion NotFound ResourceNotFoundException
    """),
    "Access is denied": words("""
        AccessDenied AccessDeniedException AccountProblem AllAccessDisabled InvalidAccessKeyId
        InvalidClientTokenId InvalidToken KMS.DisabledException SignatureDoesNotMatch
        UnauthorizedOperation UnrecognizedClientException
    """),
    "The object or item is in the wrong state": words("""
        ConditionalCheckFailed ConditionalCheckFailedException DuplicateItem InvalidObjectState
        MethodNotAllowed ObjectAlreadyInActiveTierError PreconditionFailed RestoreAlreadyInProgress
    """),
    "The request itself is wrong": words("""
        AuthorizationHeaderMalformed EntityTooLarge InvalidArgument InvalidBucketName InvalidRange
        InvalidRequest ItemCollectionSizeLimitExceeded KeyTooLongError MalformedXML NotImplemented
        PermanentRedirect ValidationError ValidationException
    """),
}
"""AWS error codes that are permanent with any HTTP status."""

HTTP_STATUSES: Final[Mapping[int, tuple[ResultCode, str]]] = {
    408: (_TEMPORARY, "Request Timeout"),
    425: (_TEMPORARY, "Too Early"),
    429: (_TEMPORARY, "Too Many Requests"),
    449: (_TEMPORARY, "Retry With"),
    501: (_PERMANENT, "Not Implemented"),
    505: (_PERMANENT, "HTTP Version Not Supported"),
}
"""Exceptions to the rule that 5xx is temporary and 4xx is permanent."""

CODE_RESULTS: Final = {
    name.lower(): result
    for result, table in (
        (_TEMPORARY, {**TEMPORARY_CODES, "": UNPROCESSED}),
        (_PERMANENT, PERMANENT_CODES),
    )
    for names in table.values()
    for name in names
}
"""The result code by the error code in lower case."""
