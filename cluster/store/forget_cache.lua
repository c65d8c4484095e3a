-- Takes a cache out of the index, unless another entry has taken its place.
-- KEYS: index, times of use. ARGV: field, the entry as it was read.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 0
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
