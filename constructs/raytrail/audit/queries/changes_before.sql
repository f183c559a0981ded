-- title: What changed in the hour before
-- question: What was changed in an account in the hour before an alarm or a trace, in its Region and globally?
-- parameter: at (instant): when the alarm rang or the trace began, such as 2026-11-22T10:00:00Z
-- parameter: account (account): account of the alarm or the trace, such as 111122223333
-- parameter: region (region): Region of the alarm or the trace, such as eu-west-1

SELECT DISTINCT
  eventtime,
  region,
  coalesce(
    useridentity.sessioncontext.sessionissuer.arn,
    useridentity.arn,
    useridentity.invokedby,
    useridentity.accountid,
    'unknown'
  ) AS actor,
  eventsource,
  eventname,
  sourceipaddress,
  useragent,
  requestparameters,
  eventid
FROM ${table}
WHERE account = ${account}
  -- Global services (IAM, CloudFront, Route 53) are recorded in us-east-1.
  AND region IN (${region}, 'us-east-1')
  -- A file lies under the day of its delivery, which follows the call by minutes: look an hour further.
  AND "timestamp" BETWEEN date_format(from_iso8601_timestamp(${at}) - INTERVAL '1' HOUR, '%Y/%m/%d')
    AND date_format(from_iso8601_timestamp(${at}) + INTERVAL '1' HOUR, '%Y/%m/%d')
  AND eventtime BETWEEN date_format(from_iso8601_timestamp(${at}) - INTERVAL '1' HOUR, '%Y-%m-%dT%H:%i:%sZ')
    AND date_format(from_iso8601_timestamp(${at}), '%Y-%m-%dT%H:%i:%sZ')
  AND readonly = 'false'
  AND errorcode IS NULL
  -- What an application writes into its tables and buckets is no change to them.
  AND coalesce(eventcategory, 'Management') = 'Management'
ORDER BY eventtime DESC, eventid
