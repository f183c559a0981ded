-- title: Who called which API
-- question: Who called which API operation in the last 7 days, and how often?

SELECT
  coalesce(
    useridentity.sessioncontext.sessionissuer.arn,
    useridentity.arn,
    useridentity.invokedby,
    useridentity.accountid,
    'unknown'
  ) AS actor,
  useridentity.type AS identity,
  eventsource,
  eventname,
  count(DISTINCT eventid) AS calls,
  count(DISTINCT CASE WHEN errorcode IS NOT NULL THEN eventid END) AS failed,
  max(eventtime) AS last_seen
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" >= date_format(current_date - INTERVAL '7' DAY, '%Y/%m/%d')
GROUP BY 1, 2, 3, 4
ORDER BY calls DESC, actor, identity, eventsource, eventname
