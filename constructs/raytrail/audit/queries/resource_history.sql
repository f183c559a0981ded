-- title: Everything that touched a resource
-- question: Who called what on one resource in the days given, call by call, reads and refusals included?
-- parameter: resource (text): its ARN, name or id, whole, as it stands in the records, such as arn:aws:s3:::amzn-s3-demo-bucket
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1530

SELECT DISTINCT
  eventtime,
  account,
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
  coalesce(errorcode, 'done') AS outcome,
  sourceipaddress,
  requestparameters,
  eventid
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
  AND (
    contains(transform(resources, touched -> touched.arn), ${resource})
    -- A whole text within the JSON: the name of a bucket does not find the buckets whose names begin with it.
    OR strpos(requestparameters, concat('"', ${resource}, '"')) > 0
    OR strpos(responseelements, concat('"', ${resource}, '"')) > 0
  )
ORDER BY eventtime, eventid
