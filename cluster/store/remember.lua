-- Adds to what the reporter remembers of the forge for one run.
--   KEYS  1 record (hash)   2 forge (hash)
--   ARGV  name, value …
-- Returns 1, or -2 when the run lies in the archive: then nothing is written, and it must be brought back first.
if redis.call('HEXISTS', KEYS[1], 'moved') == 1 and redis.call('HEXISTS', KEYS[1], 'json') == 0 then
  return -2
end
redis.call('HSET', KEYS[2], unpack(ARGV))
return 1
