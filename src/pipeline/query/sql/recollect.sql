-- Reads to collect again: the gaps of meters in use, those that miss most first.
SELECT gaps.meter_id, account_id, district_id, gaps."from", gaps."to", gaps.missing
FROM state.gaps AS gaps
JOIN state.meters AS meters USING (shard, meter_id)
WHERE in_use AND ($district IS NULL OR CAST(district_id AS VARCHAR) = $district)
    AND ($since IS NULL OR gaps."to" > $since) AND ($until IS NULL OR gaps."from" < $until)
ORDER BY gaps.missing DESC, gaps."from", gaps.meter_id
LIMIT $limit
