-- title: Buckets made public
-- question: Who removed a guard against public buckets, or let everybody in, in the days given?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1530

SELECT DISTINCT
  eventtime,
  recipientaccountid,
  coalesce(
    useridentity.sessioncontext.sessionissuer.arn,
    useridentity.arn,
    useridentity.invokedby,
    useridentity.accountid,
    'unknown'
  ) AS actor,
  eventname,
  coalesce(json_extract_scalar(requestparameters, '$.bucketName'), 'the whole account') AS bucket,
  sourceipaddress,
  requestparameters,
  eventid
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
  AND eventsource = 's3.amazonaws.com'
  AND errorcode IS NULL
  AND (
    eventname IN ('DeleteBucketPublicAccessBlock', 'DeleteAccountPublicAccessBlock')
    OR (
      eventname IN ('PutBucketPublicAccessBlock', 'PutAccountPublicAccessBlock')
      AND regexp_like(requestparameters, '"(Block|Ignore|Restrict)Public(Acls|Policy|Buckets)": {0,1}"{0,1}false')
    )
    OR (
      eventname = 'PutBucketPolicy'
      -- One statement must both allow and name everybody: a Deny of everybody without TLS is no danger.
      AND any_match(
        coalesce(
          TRY_CAST(json_extract(requestparameters, '$.bucketPolicy.Statement') AS array(json)),
          ARRAY[json_extract(requestparameters, '$.bucketPolicy.Statement')]
        ),
        statement -> json_extract_scalar(statement, '$.Effect') = 'Allow'
          AND (
            json_extract_scalar(statement, '$.Principal') = '*'
            OR json_extract_scalar(statement, '$.Principal.AWS') = '*'
            OR json_array_contains(json_extract(statement, '$.Principal.AWS'), '*')
          )
      )
    )
    OR (
      eventname IN ('PutBucketAcl', 'PutObjectAcl', 'CreateBucket')
      AND regexp_like(requestparameters, 'groups/global/(AllUsers|AuthenticatedUsers)|"public-read')
    )
  )
ORDER BY eventtime DESC, eventid
