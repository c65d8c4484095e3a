-- Commits one decision: the record, its events and its commands, or nothing.
--   KEYS  1 record (hash)   2 events (stream)   3 outbox (stream)   4 owner (string)
--   ARGV  1 the fence of the supervisor that decided, or '' for whoever needs none
--         2 the version the decision was made on, 0 for a new record
--         3 the record's JSON   4 number of events N   then N events, then the commands, each as JSON
-- Returns the new version. Nothing is written, and it returns
--   -1 when the record is not at the expected version
--   -2 when the run lies in the archive: it must be brought back first
--   -3 when the fence no longer holds: somebody else carries the run.
if ARGV[1] ~= '' and redis.call('GET', KEYS[4]) ~= ARGV[1] then
  return -3
end
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if version ~= tonumber(ARGV[2]) then
  return -1
end
if version > 0 and redis.call('HEXISTS', KEYS[1], 'json') == 0 then
  return -2
end
redis.call('HSET', KEYS[1], 'version', version + 1, 'json', ARGV[3])
local last_event = 4 + tonumber(ARGV[4])
for i = 5, last_event do
  redis.call('XADD', KEYS[2], '*', 'json', ARGV[i])
end
for i = last_event + 1, #ARGV do
  redis.call('XADD', KEYS[3], '*', 'json', ARGV[i])
end
return version + 1
