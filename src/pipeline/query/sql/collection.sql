-- Collection success (采集成功率) by day and class: reads received of those expected.
-- As last revised. A window counts for the local day in which it starts.
WITH newest AS (
    FROM collection
    WHERE ($since IS NULL OR start >= $since) AND ($until IS NULL OR start < $until)
        AND ($district IS NULL OR CAST(district_id AS VARCHAR) = $district)
    QUALIFY row_number() OVER (PARTITION BY shard, district_id, klass, start ORDER BY revision DESC) = 1
)
SELECT
    CAST(start AS DATE) AS day,
    klass,
    CAST(sum(expected) AS BIGINT) AS expected,
    CAST(sum(received) AS BIGINT) AS received,
    CAST(sum(expected) AS BIGINT) - CAST(sum(received) AS BIGINT) AS missing,
    sum(received) / nullif(sum(expected), 0) AS success
FROM newest
GROUP BY ALL
ORDER BY day, klass
