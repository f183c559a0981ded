-- title: What the trail costs
-- question: How many events of each kind did the trail record in the days given, and what do they cost in the first and in a further trail?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07

-- Prices of us-east-1 in US dollars for 100,000 events, as of 2026-11-22: management events 0.00 in the first trail and
-- 2.00 in each further one, data events 0.10 in each (https://aws.amazon.com/cloudtrail/pricing/). Not in here: Insights
-- and network activity, which lie in folders of their own, storage, and the requests that S3 and KMS bill.
SELECT
  account,
  kind,
  eventsource,
  events,
  round(CASE kind WHEN 'Management' THEN 0e0 WHEN 'Data' THEN 1e-1 END * events / 1e5, 6) AS usd_in_first_trail,
  round(CASE kind WHEN 'Management' THEN 2e0 WHEN 'Data' THEN 1e-1 END * events / 1e5, 6) AS usd_in_further_trail
FROM (
  SELECT
    account,
    -- Records before version 1.07 name no category.
    coalesce(eventcategory, CASE WHEN managementevent = 'false' THEN 'Data' ELSE 'Management' END) AS kind,
    eventsource,
    count(DISTINCT eventid) AS events
  FROM ${table}
  WHERE account IN (${accounts})
    AND region IN (${regions})
    AND "timestamp" BETWEEN ${from} AND ${to}
  GROUP BY 1, 2, 3
) AS kinds
ORDER BY events DESC, account, kind, eventsource
