-- Districts by line loss, the worst first, and how many windows lost more than the limit.
-- As last revised; districts without supply are left out.
WITH newest AS (
    FROM districts
    WHERE ($since IS NULL OR start >= $since) AND ($until IS NULL OR start < $until)
    QUALIFY row_number() OVER (PARTITION BY shard, district_id, start ORDER BY revision DESC) = 1
)
SELECT
    newest.district_id,
    any_value(known.name) AS name,
    any_value(known.grid) AS grid,
    sum(supply) AS supply,
    sum(loss) AS loss,
    sum(loss) / nullif(sum(supply), 0) AS loss_ratio,
    any_value(known.loss_limit) AS "limit",
    count(*) FILTER (loss_ratio > known.loss_limit) AS above,
    count(*) AS windows
FROM newest
JOIN state.districts AS known USING (shard, district_id)
WHERE $district IS NULL OR CAST(newest.district_id AS VARCHAR) = $district
GROUP BY newest.shard, newest.district_id
HAVING sum(supply) <> 0
ORDER BY sum(loss) / sum(supply) DESC, newest.district_id
LIMIT $limit
