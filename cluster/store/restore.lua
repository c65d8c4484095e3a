-- Brings a run back from the archive, unless somebody else did.
--   KEYS  1 record (hash)   2 events (stream)   3 forge (hash)
--   ARGV  1 its version   2 its JSON   3 number of events N   then N times entry id and JSON, then name, value …
-- Returns 1 when it was brought back, 0 when it is there or is not this version.
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] or redis.call('HEXISTS', KEYS[1], 'json') == 1 then
  return 0
end
redis.call('HSET', KEYS[1], 'json', ARGV[2])
redis.call('DEL', KEYS[2])
local last_event = 3 + 2 * tonumber(ARGV[3])
for i = 4, last_event, 2 do
  redis.call('XADD', KEYS[2], ARGV[i], 'json', ARGV[i + 1])
end
for i = last_event + 1, #ARGV, 2 do
  redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1])
end
return 1
