-- Takes commands that were carried out off the outbox, if the run is still held by whoever carried them out.
--   KEYS  1 outbox (stream)   2 owner (string)
--   ARGV  1 the fence, or '' for none   then the entries
-- Returns 1, or -3 when the fence no longer holds: then nothing is taken off.
if ARGV[1] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[1] then
  return -3
end
for i = 2, #ARGV do
  redis.call('XDEL', KEYS[1], ARGV[i])
end
return 1
