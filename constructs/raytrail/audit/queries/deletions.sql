-- title: Deletions
-- question: Who deleted or terminated what in the days given?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1485

SELECT
  coalesce(
    useridentity.sessioncontext.sessionissuer.arn,
    useridentity.arn,
    useridentity.invokedby,
    useridentity.accountid,
    'unknown'
  ) AS actor,
  recipientaccountid,
  awsregion,
  eventsource,
  eventname,
  count(DISTINCT eventid) AS deletions,
  min(eventtime) AS first_seen,
  max(eventtime) AS last_seen
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
  AND readonly = 'false'
  AND errorcode IS NULL
  AND (
    regexp_like(eventname, '^(Batch|Schedule|)(Delete|Terminate|Purge|Destroy)')
    OR eventname IN ('ScheduleKeyDeletion', 'PutBucketLifecycle')
  )
GROUP BY 1, 2, 3, 4, 5
ORDER BY deletions DESC, actor, recipientaccountid, awsregion, eventsource, eventname
