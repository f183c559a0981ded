-- title: Denied calls by actor
-- question: Who was denied what in the last 7 days, how often, and since when?
-- technique: T1580

SELECT
  coalesce(
    useridentity.sessioncontext.sessionissuer.arn,
    useridentity.arn,
    useridentity.invokedby,
    useridentity.accountid,
    'unknown'
  ) AS actor,
  eventsource,
  eventname,
  count(DISTINCT eventid) AS denied,
  count(DISTINCT sourceipaddress) AS addresses,
  min(eventtime) AS first_seen,
  max(eventtime) AS last_seen
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" >= date_format(current_date - INTERVAL '7' DAY, '%Y/%m/%d')
  -- AccessDenied, AccessDeniedException, Client.UnauthorizedOperation, UnauthorizedAccess and their like.
  AND regexp_like(errorcode, '(?i)access_?denied|unauthorized|forbidden|not_?authorized')
GROUP BY 1, 2, 3
ORDER BY denied DESC, actor, eventsource, eventname
