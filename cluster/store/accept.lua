-- Accepts one message into the inbox, once per delivery.
--   KEYS  1 inbox (stream)   2 delivery (string)
--   ARGV  1 the message's JSON   2 how long the delivery is remembered, in seconds
-- Returns 1 when the message is stored, 0 when this delivery was accepted before.
if redis.call('SET', KEYS[2], '1', 'NX', 'EX', ARGV[2]) == false then
  return 0
end
redis.call('XADD', KEYS[1], '*', 'json', ARGV[1])
return 1
