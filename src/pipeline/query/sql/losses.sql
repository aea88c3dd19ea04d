-- Line loss (线损) by day: energy fed into the districts, and what of it was charged.
-- As last revised. Windows of districts without supply are left out; one counts for the local day in which it starts.
WITH newest AS (
    FROM districts
    WHERE ($since IS NULL OR start >= $since) AND ($until IS NULL OR start < $until)
        AND ($district IS NULL OR CAST(district_id AS VARCHAR) = $district)
    QUALIFY row_number() OVER (PARTITION BY shard, district_id, start ORDER BY revision DESC) = 1
)
SELECT
    CAST(start AS DATE) AS day,
    count(DISTINCT district_id) AS districts,
    sum(supply) AS supply,
    sum(consumption) AS consumption,
    sum(loss) AS loss,
    sum(loss) / nullif(sum(supply), 0) AS loss_ratio,
    sum(received) / nullif(sum(expected), 0) AS coverage
FROM newest
WHERE supply <> 0
GROUP BY day
ORDER BY day
