-- The version of a run, told to whoever holds it.
--   KEYS  1 record (hash)   2 owner (string)
--   ARGV  1 the fence, or '' for none
-- Returns the version, 0 for a run that is not there, or -3 when the fence does not hold.
if ARGV[1] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return -3
end
return tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
