-- Takes a run off the list of reports that are due, unless it was marked again in the meantime.
--   KEYS  1 reports (hash)
--   ARGV  1 the run   2 the mark that was worked off
-- Returns 1 when it was taken off.
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then
  return redis.call('HDEL', KEYS[1], ARGV[1])
end
return 0
