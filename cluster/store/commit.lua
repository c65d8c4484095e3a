-- Commits one decision: the record, its events and its commands, or nothing.
--   KEYS  1 record (hash)   2 events (stream)   3 outbox (stream)
--   ARGV  1 the version the decision was made on, 0 for a new record
--         2 the record's JSON   3 number of events N   then N events, then the commands, each as JSON
-- Returns the new version. Nothing is written, and it returns
--   -1 when the record is not at the expected version
--   -2 when the run lies in the archive: it must be brought back first.
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if version ~= tonumber(ARGV[1]) then
  return -1
end
if version > 0 and redis.call('HEXISTS', KEYS[1], 'json') == 0 then
  return -2
end
redis.call('HSET', KEYS[1], 'version', version + 1, 'json', ARGV[2])
local last_event = 3 + tonumber(ARGV[3])
for i = 4, last_event do
  redis.call('XADD', KEYS[2], '*', 'json', ARGV[i])
end
for i = last_event + 1, #ARGV do
  redis.call('XADD', KEYS[3], '*', 'json', ARGV[i])
end
return version + 1
