-- Removes a run that lies in the archive, unless it changed after it was read for it. What stays is that it exists.
--   KEYS  1 record (hash)   2 events   3 outbox   4 forge (hash)   then the logs of its attempts
--   ARGV  1 the version that was archived   then what the reporter remembered of the forge: name, value …
-- Returns 1 when it is removed, now or before; 0 when it changed: then nothing was removed.
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then
  return 0
end
if redis.call('HEXISTS', KEYS[1], 'json') == 0 then
  return 1
end
local forge = redis.call('HGETALL', KEYS[4])
if #forge ~= #ARGV - 1 then
  return 0
end
local archived = {}
for i = 2, #ARGV, 2 do
  archived[ARGV[i]] = ARGV[i + 1]
end
for i = 1, #forge, 2 do
  if archived[forge[i]] ~= forge[i + 1] then
    return 0
  end
end
-- Made anew rather than emptied: a hash that was large once stays in the larger encoding.
redis.call('UNLINK', unpack(KEYS))
redis.call('HSET', KEYS[1], 'version', ARGV[1], 'moved', '1')
return 1
