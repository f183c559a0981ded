-- title: Tampering with trails and detection
-- question: Who stopped, deleted or narrowed logging and detection in the days given, also where the call was refused?
-- parameter: from (day): first day of the files to read, such as 2026/11/01
-- parameter: to (day): last day of the files to read, such as 2026/11/07
-- technique: T1562.008

SELECT DISTINCT
  eventtime,
  recipientaccountid,
  awsregion,
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
  requestparameters,
  sourceipaddress,
  eventid
FROM ${table}
WHERE account IN (${accounts})
  AND region IN (${regions})
  AND "timestamp" BETWEEN ${from} AND ${to}
  AND (eventsource, eventname) IN (
    ('cloudtrail.amazonaws.com', 'StopLogging'),
    ('cloudtrail.amazonaws.com', 'DeleteTrail'),
    ('cloudtrail.amazonaws.com', 'UpdateTrail'),
    ('cloudtrail.amazonaws.com', 'PutEventSelectors'),
    ('cloudtrail.amazonaws.com', 'PutInsightSelectors'),
    ('cloudtrail.amazonaws.com', 'DeleteEventDataStore'),
    ('cloudtrail.amazonaws.com', 'StopEventDataStoreIngestion'),
    ('config.amazonaws.com', 'StopConfigurationRecorder'),
    ('config.amazonaws.com', 'DeleteConfigurationRecorder'),
    ('config.amazonaws.com', 'DeleteDeliveryChannel'),
    ('ec2.amazonaws.com', 'DeleteFlowLogs'),
    ('events.amazonaws.com', 'DeleteRule'),
    ('events.amazonaws.com', 'DisableRule'),
    ('events.amazonaws.com', 'RemoveTargets'),
    ('guardduty.amazonaws.com', 'DeleteDetector'),
    ('guardduty.amazonaws.com', 'UpdateDetector'),
    ('guardduty.amazonaws.com', 'DisassociateFromAdministratorAccount'),
    ('guardduty.amazonaws.com', 'CreateIPSet'),
    ('logs.amazonaws.com', 'DeleteLogGroup'),
    ('logs.amazonaws.com', 'DeleteLogStream'),
    ('logs.amazonaws.com', 'DeleteMetricFilter'),
    ('logs.amazonaws.com', 'PutRetentionPolicy'),
    ('monitoring.amazonaws.com', 'DeleteAlarms'),
    ('monitoring.amazonaws.com', 'DisableAlarmActions'),
    ('s3.amazonaws.com', 'PutBucketLogging'),
    ('securityhub.amazonaws.com', 'DisableSecurityHub')
  )
ORDER BY eventtime DESC, eventid
