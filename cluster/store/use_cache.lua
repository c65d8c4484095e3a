-- Notes when caches were last of use. One that is gone from the index is left alone.
-- KEYS: index, times of use. ARGV: time, fields.
for place = 2, #ARGV do
  if redis.call('HEXISTS', KEYS[1], ARGV[place]) == 1 then
    redis.call('ZADD', KEYS[2], 'GT', ARGV[1], ARGV[place])
  end
end
return 1
