-- Energy and charges by day and class of customer.
-- A read counts whole for the local day in which its stretch ends; supply meters are left out.
SELECT
    CAST("end" - INTERVAL 1 SECOND AS DATE) AS day,
    klass,
    count(DISTINCT account_id) AS accounts,
    count(*) AS reads,
    sum(energy) AS energy,
    sum(charge) AS charges
FROM intervals
JOIN (SELECT shard, account_id, klass FROM state.accounts) USING (shard, account_id)
WHERE ($since IS NULL OR "end" > $since) AND ($until IS NULL OR "end" <= $until)
    AND ($district IS NULL OR CAST(district_id AS VARCHAR) = $district)
GROUP BY ALL
ORDER BY day, klass
