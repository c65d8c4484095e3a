-- Takes a run off the list of reports that are due, unless it was marked again in the meantime.
--   KEYS  1 reports (hash)
--   ARGV  1 the run   2 the mark that was worked off
-- Returns the mark that stands now, or nil.
local mark = redis.call('HGET', KEYS[1], ARGV[1])
if mark == ARGV[2] then
  redis.call('HDEL', KEYS[1], ARGV[1])
  return false
end
return mark
