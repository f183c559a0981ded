-- title: Chains of assumed roles
-- question: Which sessions of a role took another role in the days given, up to three in a row, and who began?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1550.001

WITH assumed AS (
  SELECT DISTINCT
    eventid,
    eventtime,
    coalesce(
      useridentity.sessioncontext.sessionissuer.arn,
      useridentity.arn,
      useridentity.invokedby,
      useridentity.accountid,
      'unknown'
    ) AS actor,
    useridentity.accesskeyid AS used_key,
    json_extract_scalar(requestparameters, '$.roleArn') AS role,
    json_extract_scalar(responseelements, '$.credentials.accessKeyId') AS given_key
  FROM ${table}
  WHERE account IN (${accounts})
    AND region IN (${regions})
    AND "timestamp" BETWEEN ${from} AND ${to}
    AND eventsource = 'sts.amazonaws.com'
    AND regexp_like(eventname, '^AssumeRole')
    AND errorcode IS NULL
)
-- The key that one call gives out is the key that signs the next. Athena reads the files once for each link.
SELECT DISTINCT
  link1.eventtime AS began,
  link1.actor AS began_by,
  link1.role AS first_role,
  link2.role AS second_role,
  link3.role AS third_role,
  coalesce(link3.eventtime, link2.eventtime) AS ended,
  link1.eventid AS first_event,
  coalesce(link3.eventid, link2.eventid) AS last_event
FROM assumed AS link1
INNER JOIN assumed AS link2 ON link2.used_key = link1.given_key
LEFT JOIN assumed AS link3 ON link3.used_key = link2.given_key
ORDER BY began DESC, first_event, last_event
